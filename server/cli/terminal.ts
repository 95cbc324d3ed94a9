/** Where a command writes: results to stdout, progress and notes to stderr, bars only where somebody watches. */
import { SingleBar } from 'cli-progress';

export interface Streams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** A step that takes a while. */
export interface Progress {
  /** `done` of `total` units; `what` is being done now. */
  at(done: number, total: number, what?: string): void;
  end(): void;
}

export interface Terminal {
  /** Whether the result is printed as JSON. */
  readonly json: boolean;
  /** A remark on stderr, for people: left out with `--json`. */
  note(text: string): void;
  progress(label: string): Progress;
  /** A line that is written over again and again, where somebody watches; null where nobody does. */
  line(): LiveLine | null;
}

/** The last line of the terminal. */
export interface LiveLine {
  show(text: string): void;
  /** Leaves what was shown last. */
  end(): void;
}

const SILENT: Progress = { at: () => undefined, end: () => undefined };

export function createTerminal(streams: Streams, json: boolean): Terminal {
  return {
    json,
    note(text) {
      if (!json) streams.stderr.write(`${text}\n`);
    },
    progress: (label) => (streams.stderr.isTTY === true ? bar(streams.stderr, label) : SILENT),
    line: () => (streams.stderr.isTTY === true && !json ? liveLine(streams.stderr) : null),
  };
}

/** No more often than somebody can read. */
const REDRAW = 250;

function liveLine(stream: NodeJS.WritableStream & { readonly columns?: number }): LiveLine {
  let latest = '';
  let timer: NodeJS.Timeout | null = null;
  const draw = (): void => {
    timer = null;
    stream.write(`\r\u001b[2K${latest.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  return {
    show(text) {
      if (text === latest) return;
      latest = text;
      timer ??= setTimeout(draw, REDRAW);
    },
    end() {
      if (timer !== null) clearTimeout(timer);
      draw();
      stream.write('\n');
    },
  };
}

/** Steps shorter than this are over before a bar could be read. */
const PATIENCE = 200;

function bar(stream: NodeJS.WritableStream, label: string): Progress {
  const drawn = new SingleBar({
    stream,
    format: '{label} [{bar}] {percentage} % {what}',
    barCompleteChar: '#',
    barIncompleteChar: '.',
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
    fps: 10,
  });
  const begin = performance.now();
  return {
    at(done, total, what = '') {
      if (!drawn.isActive) {
        if (performance.now() - begin < PATIENCE) return;
        drawn.start(total, done, { label, what });
      }
      drawn.setTotal(total);
      drawn.update(done, { label, what });
    },
    end() {
      if (drawn.isActive) drawn.stop();
    },
  };
}
