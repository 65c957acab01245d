import { describe, expect, it } from "vitest";
import { realSentences } from "./fixture";
import { inChinese, partInChinese } from "../src/lib/i18n/sentences";
import explanations from "../src/lib/i18n/chinese/explanations.json";
import files from "../src/lib/i18n/chinese/files.json";
import findings from "../src/lib/i18n/chinese/findings.json";
import layers from "../src/lib/i18n/chinese/layers.json";
import parts from "../src/lib/i18n/chinese/parts.json";
import refusals from "../src/lib/i18n/chinese/refusals.json";

const names = (text: string) => [...text.matchAll(/\{[*!]?(\w+)\}/g)].map((found) => found[1] ?? "");

describe("sentences that Python makes", () => {
  it.each(Object.entries({ ...findings, ...explanations, ...layers, ...refusals, ...files }))(
    "%s",
    (english, chinese) => {
      // An English plural needs no part in Chinese; all else is carried over.
      const wanted = names(english).filter((name) => name !== "s" && name !== "t");
      expect(names(chinese).sort()).toEqual(wanted.sort());
      const told = english
        .replace(/\{!\w+\}/g, "either scale or size is given")
        .replace(/\{\*\w+\}/g, "")
        .replace(/\{\w+\}/g, "7");
      expect(inChinese(told)).toMatch(/[\u4e00-\u9fff]|J = /);
    },
  );

  it("say their parts too", () => {
    expect(inChinese("conv2: its stride leaves the last 1 row and 2 columns of its input unused")).toBe(
      "conv2：按它的步幅，输入的最后 1 行和 2 列不会被用到",
    );
    expect(
      inChinese(
        "fc1: a step at learning rate 0.1 is 0.5 of its weights, above 0.1, as in 2 other layers; about 0.001 is usual",
      ),
    ).toBe("fc1：以学习率 0.1 走一步，改变量是其权重的 0.5，高于 0.1，另有 2 层也是如此；通常约为 0.001");
    expect(
      inChinese(
        "conv1: filters 3 and 5 are nearly the same but for their sign (cosine -0.9990, from 0.99), and 1 more pair are",
      ),
    ).toBe(
      "conv1：滤波器 3 与 5 几乎相同（仅符号相反）（余弦 -0.9990，达到 0.99 即列出），另有 1 对也是如此",
    );
    expect(inChinese("Target: 3 (cat) at logits.")).toBe("对象：logits 的类别 3 (cat)。");
    expect(inChinese("Settings: quadrature gauss-legendre, steps 16, largest gap 0.50%.")).toBe(
      "设置：求积 gauss-legendre，步数 16，最大差距 0.50%。",
    );
    expect(inChinese("Settings: window (5, 5), stride (2, 2), windows 9.")).toBe(
      "设置：窗口 (5, 5)，步幅 (2, 2)，窗口数 9。",
    );
    expect(inChinese("Conv1d: kernel_size is a whole number of at least 1, received 0")).toBe(
      "Conv1d：kernel_size 应是不小于 1 的整数，收到 0",
    );
    expect(
      inChinese(
        "net.onnx: 2 operation(s) cannot be imported: a, b (LSTM): recurrence; only nets without it are imported",
      ),
    ).toBe("net.onnx：有 2 个运算无法导入：a, b (LSTM)：含有循环；只支持没有循环的网络");
    expect(inChinese("unknown node 'cov1'; did you mean conv1 or conv2?")).toBe(
      "没有名为 'cov1' 的节点；是否指 conv1 或 conv2？",
    );
  });

  it("are said in Chinese when they are real", () => {
    const said = realSentences();
    expect(said.length).toBeGreaterThan(60);
    for (const english of said) {
      const chinese = inChinese(english);
      expect(chinese, english).not.toBeNull();
      expect(chinese, english).not.toMatch(/[a-z]{2,} [a-z]{2,} [a-z]{2,}/);
    }
  });

  it("say symbols and formulas", () => {
    expect(partInChinese("w new")).toBe("新 w");
    expect(partInChinese("0.9 * v before + g")).toBe("0.9 * v（前）+ g");
    expect(partInChinese("J = CrossEntropy (mean of 1)")).toBe("J = CrossEntropy（1 幅图像的平均）");
    expect(partInChinese("conv1")).toBeNull();
  });

  it("stay as they are where no table has them", () => {
    expect(inChinese("something that nobody translated")).toBeNull();
    expect(inChinese("conv1: something that nobody translated")).toBeNull();
  });

  it("have parts whose patterns fit", () => {
    for (const [english, chinese] of Object.entries(parts)) {
      for (const name of names(chinese)) expect(names(english), english).toContain(name);
    }
  });
});
