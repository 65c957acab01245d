/** The graph as it is shown: repeated blocks folded into their last node. */
import type { NodeInfo } from "./messages";

export interface VisibleNode {
  node: NodeInfo;
  /** Names of the visible nodes that feed it. */
  inputs: string[];
  /** The nodes it stands for, itself the last. */
  members: string[];
  /** Whether it is a block that can be opened. */
  folded: boolean;
  depth: number;
}

/** More nodes than this and repeated blocks start folded. */
export const FOLD_ABOVE = 40;

/** Names of the blocks that are folded when a model opens. */
export function initiallyFolded(nodes: NodeInfo[]): Set<string> {
  if (nodes.length <= FOLD_ABOVE) return new Set();
  return new Set(nodes.map((node) => node.fold).filter((name) => name !== ""));
}

/** The visible graph, in the order of the nodes; depth is the longest way from an input. */
export function visibleGraph(nodes: NodeInfo[], folded: ReadonlySet<string>): VisibleNode[] {
  const lastOf = new Map<string, string>();
  for (const node of nodes) if (folded.has(node.fold)) lastOf.set(node.fold, node.name);
  const standIn = (node: NodeInfo) => lastOf.get(node.fold) ?? node.name;
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const visible = new Map<string, VisibleNode>();
  for (const node of nodes) {
    const name = standIn(node);
    const shown = byName.get(name) ?? node;
    const entry = visible.get(name) ?? { node: shown, inputs: [], members: [], folded: false, depth: 0 };
    entry.members.push(node.name);
    entry.folded = entry.members.length > 1;
    for (const source of node.inputs) {
      const from = byName.get(source);
      const feeder = from ? standIn(from) : source;
      if (feeder !== name && !entry.inputs.includes(feeder)) entry.inputs.push(feeder);
    }
    visible.set(name, entry);
  }
  return withDepths([...visible.values()]);
}

function withDepths(entries: VisibleNode[]): VisibleNode[] {
  const byName = new Map(entries.map((entry) => [entry.node.name, entry]));
  const known = new Map<string, number>();
  const depthOf = (entry: VisibleNode): number => {
    const found = known.get(entry.node.name);
    if (found !== undefined) return found;
    known.set(entry.node.name, 0);
    const sources = entry.inputs.map((name) => byName.get(name)).filter((source) => source !== undefined);
    const depth = sources.length === 0 ? 0 : 1 + Math.max(...sources.map(depthOf));
    known.set(entry.node.name, depth);
    return depth;
  };
  for (const entry of entries) entry.depth = depthOf(entry);
  return entries;
}
