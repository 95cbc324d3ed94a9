/**
 * Max pools as pairwise maxima: along columns, then along rows, rows shared between windows, so that a k x k window of stride t takes
 * (k - 1)(t + 1) maxima per output. Source: the integer model, "Layers".
 */
import { wholeTensor, type View } from '../graph/circuit.ts';
import type { PoolNode } from '../onnx/float-graph.ts';
import type { ProgramDraft } from './draft.ts';
import { selected } from './views.ts';

/** One element of every window along an axis: position `picks[k]` of a view for window k, -1 where it lies outside. */
interface Element {
  readonly view: View;
  readonly picks: Int32Array;
}

/** Positions of an axis that the windows read, by element of the window; elements outside of every window's axis are left out. */
function windows(kernel: number, stride: number, pad: number, dilation: number, outputs: number, length: number): Int32Array[] {
  const picks = Array.from({ length: kernel }, (_, v) =>
    Int32Array.from({ length: outputs }, (_, k) => {
      const position = k * stride + v * dilation - pad;
      return position >= 0 && position < length ? position : -1;
    }),
  );
  return picks.filter((element) => element.some((position) => position >= 0));
}

/** The elements side by side along an axis. */
function sideBySide(elements: readonly Element[], axis: 1 | 2): View {
  const windowCount = elements[0]!.picks.length;
  const views = [...new Set(elements.map(({ view }) => view))];
  const parts = views.map((view) => {
    const picks = new Int32Array(windowCount * elements.length).fill(-1);
    elements.forEach((element, k) => {
      if (element.view === view) picks.set(element.picks, k * windowCount);
    });
    return selected(view, axis, picks);
  });
  return { shape: parts[0]!.shape, parts: parts.flatMap((view) => view.parts) };
}

/** The maximum over the elements of each window, in ceil(log2 k) layers of k - 1 maxima per window in all. */
function maximumAlong(draft: ProgramDraft, name: string, axis: 1 | 2, all: readonly Element[]): View {
  let elements = all;
  while (elements.length > 1) {
    const windowCount = elements[0]!.picks.length;
    const pairs = Math.floor(elements.length / 2);
    const left = elements.filter((_, k) => k < 2 * pairs && k % 2 === 0);
    const right = elements.filter((_, k) => k % 2 === 1);
    const tensor = draft.maximum(name, 'MaxPool', sideBySide(left, axis), sideBySide(right, axis));
    const view = wholeTensor(tensor, draft.shapeOf(tensor));
    elements = [
      ...left.map((_, k): Element => ({ view, picks: Int32Array.from({ length: windowCount }, (_, w) => k * windowCount + w) })),
      ...elements.slice(2 * pairs),
    ];
  }
  const [{ view, picks }] = elements as [Element];
  const whole = picks.length === view.shape[axis] && picks.every((position, k) => position === k);
  return whole ? view : selected(view, axis, picks);
}

/** Adds the layers of a max pool. `operand`: the node's input, (C, H, W); what it does not cover must not exceed any value. Returns what reads the output. */
export function maximumPool(draft: ProgramDraft, node: PoolNode, operand: View): View {
  const [, height, width] = node.inputShape;
  const [, outHeight, outWidth] = node.outputShape;
  const rowPicks = windows(node.kernel[0], node.stride[0], node.pad[0], node.dilation[0], outHeight, height);
  const columnPicks = windows(node.kernel[1], node.stride[1], node.pad[1], node.dilation[1], outWidth, width);
  const used = [...new Set(rowPicks.flatMap((picks) => [...picks]))].filter((row) => row >= 0).sort((a, b) => a - b);
  const rows = used.length === height ? operand : selected(operand, 1, Int32Array.from(used));
  const place = new Map(used.map((row, k) => [row, k]));
  const columns = maximumAlong(
    draft,
    `${node.name} columns`,
    2,
    columnPicks.map((picks) => ({ view: rows, picks })),
  );
  return maximumAlong(
    draft,
    `${node.name} rows`,
    1,
    rowPicks.map((picks) => ({ view: columns, picks: picks.map((row) => place.get(row) ?? -1) })),
  );
}
