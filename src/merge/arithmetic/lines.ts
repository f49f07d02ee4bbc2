/**
 * A tensor divided into lines: all of it as one vector, its rows, or its columns. Methods that measure angles line by
 * line are written once and take the division as an argument.
 */

export interface Lines {
  readonly count: number;
  /** Calls `visit` for each run `[from, to)` of elements of one line, relative to `start`, in order. */
  forEachRun(start: number, elements: number, visit: (line: number, from: number, to: number) => void): void;
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** One line of all elements, though there be none. */
export function wholeTensor(shape: readonly number[]): Lines {
  return { ...alongLast([elementsOf(shape)]), count: 1 };
}

/** A line for each row, that is for each vector along the last dimension. */
export function alongLast(shape: readonly number[]): Lines {
  const length = Math.max(1, shape.at(-1) ?? 1);
  return {
    count: elementsOf(shape) / length,
    forEachRun(start, elements, visit) {
      for (let from = 0; from < elements;) {
        const line = Math.floor((start + from) / length);
        const to = Math.min(elements, (line + 1) * length - start);
        visit(line, from, to);
        from = to;
      }
    },
  };
}

/** A line for each vector along the first dimension; of a matrix, its columns. */
export function alongFirst(shape: readonly number[]): Lines {
  if (shape.length < 2) return wholeTensor(shape);
  const count = elementsOf(shape.slice(1));
  return {
    count,
    forEachRun(start, elements, visit) {
      for (let i = 0; i < elements; i++) visit((start + i) % count, i, i + 1);
    },
  };
}
