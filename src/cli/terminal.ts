// The output streams of a command: results to stdout, text for people to stderr, colour only on
// terminals. Masks secrets in text for people and escapes control characters, because it may repeat
// arguments, in which a secret may be typed by mistake.
import type { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { maskSecrets } from '../kernel/mask-keys.ts';
import { escapeJson } from '../kernel/printable.ts';
import { OutputQueue } from './output-queue.ts';

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** stdout is a terminal, not a file, pipe or log. */
  readonly isWatched: boolean;
  /** A line of the result. */
  result(line: string): void;
  /** A line for people. The beginning of an error or a warning is coloured on a terminal. */
  note(line: string): void;
  /** For text of result(); plain unless stdout is a terminal. */
  style(style: Style, text: string): string;
  /**
   * The same outputs, written without blocking, for commands that carry traffic. `lost`: lines were
   * dropped, because the reader did not take them in time.
   */
  queued(lost: (lines: number) => void): QueuedTerminal;
}

export interface QueuedTerminal extends Terminal {
  /** Both outputs are terminals, so that a person sees results and notes together. */
  readonly bothWatched: boolean;
  /** Writes queued lines, for a bounded time. Idempotent. */
  close(): Promise<void>;
}

export function terminalOn(stdout: Writable, stderr: Writable): Terminal {
  return {
    isWatched: (stdout as Partial<WriteStream>).isTTY === true,
    result: (line) => {
      stdout.write(`${line}\n`);
    },
    note: (line) => {
      stderr.write(`${withColour(escapedLines(maskSecrets(line)), stderr)}\n`);
    },
    // Node checks the stream, NO_COLOR and FORCE_COLOR.
    style: (style, text) => styleText(style, text, { stream: stdout }),
    queued: (lost) => {
      const queues = [new OutputQueue(stdout, lost), new OutputQueue(stderr, lost)] as const;
      const close = async (): Promise<void> => {
        await Promise.all(queues.map((queue) => queue.close()));
      };
      return { ...terminalOn(...queues), bothWatched: queues.every(({ isTTY }) => isTTY), close };
    },
  };
}

/** Text for people may have several lines, such as help. */
function escapedLines(text: string): string {
  return text.split('\n').map(escapeJson).join('\n');
}

const beginnings: readonly (readonly [string, Style])[] = [
  ['portal-gateway:', ['bold', 'red']],
  ['warning:', ['bold', 'yellow']],
];

/** Colours the beginning of errors and warnings on a terminal. */
function withColour(line: string, stream: Writable): string {
  const found = beginnings.find(([text]) => line.startsWith(text));
  if (found === undefined) return line;
  const [text, style] = found;
  return styleText(style, text, { stream }) + line.slice(text.length);
}
