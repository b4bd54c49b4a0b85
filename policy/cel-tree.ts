/** A part of a parsed expression; the library's own type with less detail. */
export interface CelNode {
  readonly op: string;
  readonly args: unknown;
}

function isNode(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

/** The nodes directly below: operands, receiver, arguments, entries. Field names are texts and fall out. */
export function partsOf({ args }: CelNode): readonly CelNode[] {
  return [args].flat(3).filter(isNode);
}

/** A node and all below it. */
export function nodesOf(node: CelNode): readonly CelNode[] {
  return [node, ...partsOf(node).flatMap(nodesOf)];
}

/** What a node does: the function it calls, or its operator. */
export function nameOf({ op, args }: CelNode): string {
  return op === 'call' || op === 'rcall' ? String((args as readonly unknown[])[0]) : op;
}

/** A copy of the tree as it is now: the library rewrites nodes when it checks and first evaluates them. */
export function copyOf({ op, args }: CelNode): CelNode {
  return { op, args: copyArgs(args) };
}

function copyArgs(args: unknown): unknown {
  if (Array.isArray(args)) return args.map(copyArgs);
  return isNode(args) ? copyOf(args) : args;
}
