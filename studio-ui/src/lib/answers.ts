/** The questions whose answer is one JSON message, whoever answers them. */
import type * as messages from "./messages";
import type { BesideWish, GradientWish, HeatWish, ProofWish } from "./source";

export abstract class Answers {
  protected abstract answer<Answer>(path: string, question: object, signal?: AbortSignal): Promise<Answer>;

  curve(model: string, node: string, channel: number, low: number, high: number): Promise<messages.Curve> {
    return this.answer("curve", { model, node, channel, low, high });
  }

  gradientArithmetic(wish: GradientWish): Promise<messages.Arithmetic> {
    return this.answer("gradient-arithmetic", wish);
  }

  update(
    trace: string,
    parameter: string,
    at: number[],
    target: messages.TargetWish,
  ): Promise<messages.Update> {
    return this.answer("update", { trace, parameter, at, target });
  }

  prove(wish: ProofWish): Promise<messages.Proof> {
    return this.answer("prove", wish);
  }

  whatIf(trace: string, edits: messages.Edit[]): Promise<messages.WhatIf> {
    return this.answer("what-if", { trace, edits });
  }

  attribution(wish: HeatWish): Promise<messages.Heat> {
    return this.answer("attribution", wish);
  }

  field(
    trace: string,
    node: string,
    at: number[],
    heat: boolean,
    signal?: AbortSignal,
  ): Promise<messages.FieldBox> {
    return this.answer("field", { trace, node, at, heat }, signal);
  }

  health(model: string): Promise<messages.Health> {
    return this.answer("health", { model });
  }

  sandbox(wish: messages.SandboxWish): Promise<messages.Sandbox> {
    return this.answer("sandbox", wish);
  }

  top(model: string, node: string, channel: number, count: number): Promise<messages.TopPatch[]> {
    return this.answer("top", { model, node, channel, count });
  }

  moment(model: string, step: number): Promise<messages.ModelInfo> {
    return this.answer("moment", { model, step });
  }

  comparison(wish: BesideWish): Promise<messages.Comparison> {
    return this.answer("comparison", wish);
  }

  mistakes(model: string): Promise<messages.Mistakes> {
    return this.answer("mistakes", { model });
  }
}
