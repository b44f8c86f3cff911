// How far an exploration is, on stderr: one line that is written over on a terminal, lines of their own
// where they are asked for, nothing elsewhere.

import type { ExploreProgress } from '../explore/explore.ts';

export interface ProgressLine {
  readonly show: (progress: ExploreProgress) => void;
  /** Takes the line away. */
  readonly clear: () => void;
}

/** Between lines that stay. */
const LINES_SECONDS = 1;
const COLUMNS = 80;

/** @param asLines whether lines are asked for */
export function progressLine(stream: NodeJS.WriteStream, asLines: boolean): ProgressLine {
  if (!asLines) {
    if (!stream.isTTY) return { show: () => undefined, clear: () => undefined };
    return {
      show: (progress) => {
        const columns = stream.columns > 0 ? stream.columns : COLUMNS;
        stream.write(`\r${progressText(progress).slice(0, columns - 1)}\x1b[K`);
      },
      clear: () => stream.write('\r\x1b[K'),
    };
  }
  let last = 0;
  return {
    show: (progress) => {
      if (progress.seconds - last < LINES_SECONDS) return;
      last = progress.seconds;
      stream.write(`printkit: ${progressText(progress)}\n`);
    },
    clear: () => undefined,
  };
}

export function progressText(progress: ExploreProgress): string {
  const { seconds, phase, executions, traces, bound } = progress;
  const rate = Math.round(executions / Math.max(seconds, 0.001));
  const done = `${executions} executions, ${traces} traces, ${rate}/s`;
  const parts = [`${seconds.toFixed(0)} s`, phase, done];
  if (bound !== undefined) {
    const percent = Math.floor(bound.part * 100);
    parts.push(`bound ${bound.total} of ${bound.of}: about ${percent} % of it`);
  }
  return parts.join('; ');
}
