/** The answers that a one-file export carries: the same page without a server. */
import { Answers } from "./answers";
import { readAtlas, readValues, type AtlasAnswer, type ValuesAnswer } from "./binary";
import { cellArithmetic, partialMaps } from "./cell-sum";
import type * as messages from "./messages";
import { Refusal, type CellWish, type OverviewWish, type Source, type TrainingLine } from "./source";

/** Undo base64 and zlib. */
async function inflate(text: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** Bits that stand for "as in the input". */
const SAME = 0x7fc05a3e;

/** Numbers with those of another array wherever the bits say so. */
export function taken(values: Float32Array, source: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const from = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const result = bits.map((one, k) => (one === SAME ? (from[k] ?? one) : one));
  return new Float32Array(result.buffer);
}

/** The key of an answer: the path and the question with its fields in alphabetical order. */
export function questionKey(path: string, question: object): string {
  const fields = Object.entries(question).filter(([, value]) => value !== undefined);
  fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return `${path} ${JSON.stringify(Object.fromEntries(fields))}`;
}

export class EmbeddedSource extends Answers implements Source {
  readonly live = false;
  private readonly opened = new Map<string, Promise<ValuesAnswer>>();

  constructor(private readonly data: messages.Embedded) {
    super();
  }

  private missing(): Refusal {
    const words =
      this.data.language === "zh"
        ? "此文件不包含这个答案；请在 Studio 中打开模型"
        : "this file does not hold that answer: open the model in the Studio";
    return new Refusal(words, 404);
  }

  protected async answer<Answer>(path: string, question: object): Promise<Answer> {
    const text = this.data.answers[questionKey(path, question)];
    if (text === undefined) throw this.missing();
    return JSON.parse(new TextDecoder().decode(await inflate(text))) as Answer;
  }

  private read(table: Record<string, string>, name: string): Promise<ValuesAnswer> {
    const known = this.opened.get(name);
    if (known !== undefined) return known;
    const text = table[name];
    if (text === undefined) return Promise.reject(this.missing());
    const reading = inflate(text).then(readValues);
    this.opened.set(name, reading);
    return reading;
  }

  private node(name: string): messages.NodeInfo {
    const found = this.data.state.models.flatMap((model) => model.nodes).find((node) => node.name === name);
    if (found === undefined) throw this.missing();
    return found;
  }

  async state(): Promise<messages.State> {
    return this.data.state;
  }

  async openModel(): Promise<messages.ModelInfo> {
    throw this.missing();
  }

  async uploadModel(): Promise<messages.ModelInfo> {
    throw this.missing();
  }

  async addImage(): Promise<messages.ImageInfo> {
    throw this.missing();
  }

  async addImageFrom(): Promise<messages.ImageInfo> {
    throw this.missing();
  }

  pictureUrl(_model: string, image: string): string {
    return this.data.pictures[image] ?? "";
  }

  parameter(_model: string, name: string): Promise<ValuesAnswer> {
    return this.read(this.data.parameters, name);
  }

  async overview(wish: OverviewWish): Promise<AtlasAnswer> {
    const text = this.data.atlases[wish.what === "gradient" ? `gradient ${wish.image}` : wish.image];
    if (text === undefined || (wish.edits?.length ?? 0) > 0) throw this.missing();
    return readAtlas(await inflate(text));
  }

  async beside(): Promise<AtlasAnswer> {
    throw this.missing();
  }

  async maps(): Promise<AtlasAnswer> {
    throw this.missing();
  }

  /** A node's numbers, those that its input has taken from there. */
  private async whole(trace: string, node: string): Promise<ValuesAnswer> {
    const found = await this.read(this.data.values, `${trace} ${node}`);
    const like = found.head.like;
    if (like === undefined) return found;
    const source = await this.whole(trace, like);
    return { head: found.head, values: taken(found.values, source.values) };
  }

  async values(trace: string, node: string, what: messages.What, channel?: number): Promise<ValuesAnswer> {
    if (what === "gradient") throw this.missing();
    const whole = await this.whole(trace, node);
    const shape = whole.head.shape;
    if (channel === undefined || shape.length < 2) return whole;
    const size = shape.slice(1).reduce((product, side) => product * side, 1);
    const values = whole.values.slice(channel * size, (channel + 1) * size);
    return { head: { ...whole.head, shape: shape.slice(1) }, values };
  }

  private async parametersOf(node: messages.NodeInfo): Promise<Map<string, ValuesAnswer>> {
    const read = await Promise.all(node.parameters.map((info) => this.parameter("", info.name)));
    return new Map(node.parameters.map((info, k) => [info.name, read[k] as ValuesAnswer]));
  }

  async partials(trace: string, name: string, channel: number, limit: number): Promise<AtlasAnswer> {
    const node = this.node(name);
    const source = node.inputs[0];
    if (source === undefined) throw this.missing();
    const input = await this.values(trace, source, "activation");
    const answer = partialMaps(node, input, await this.parametersOf(node), channel, limit);
    if (answer.byNode.get(name)?.maps.length === 0) throw this.missing();
    return answer;
  }

  async arithmetic(wish: CellWish): Promise<messages.Arithmetic> {
    const node = this.node(wish.node);
    const source = node.inputs[0];
    if (source !== undefined && node.inputs.length === 1) {
      const [input, output] = await Promise.all([
        this.values(wish.trace, source, "activation"),
        this.values(wish.trace, wish.node, "activation"),
      ]);
      const sum = cellArithmetic(node, input, output, await this.parametersOf(node), wish);
      if (sum !== null) return sum;
    }
    return this.answer("arithmetic", wish);
  }

  exportFile(): Promise<Blob> {
    return Promise.resolve(new Blob([document.documentElement.outerHTML], { type: "text/html" }));
  }

  training(): TrainingLine {
    throw this.missing();
  }
}
