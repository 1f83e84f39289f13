// Prints what happens while `expose` runs: as text for people, or as one JSON object per line. Does
// not decide what is worth a line; expose-notes.ts does.
import type { RequestObserver } from '../../expose/request-meter.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { maskSecrets } from '../../kernel/mask-keys.ts';
import { printableJson } from '../../kernel/printable.ts';
import { timestamp } from '../../observe/logs/timestamp.ts';
import type { QueuedTerminal } from '../terminal.ts';
import { jsonRequests } from './json-requests.ts';
import { RequestLines } from './request-lines.ts';

/** The `event` of a line of JSON: docs/cli.md lists them. */
type ExposeLineEvent =
  | 'published'
  | 'relay_lost'
  | 'relay_unreachable'
  | 'publish_failed'
  | 'lease_contested'
  | 'client_refused'
  | 'clock_skew'
  | 'app_lost'
  | 'app_returned'
  | 'request_failed'
  | 'excess_bytes'
  | 'assertion_keys_failed'
  | 'assertion_refused'
  | 'connection_refused'
  | 'identity'
  | 'stopping'
  | 'output_lost';

type FieldValue = string | number | boolean | readonly string[] | undefined;

export interface ExposeLine {
  readonly event: ExposeLineEvent;
  /** `--quiet` omits lines with `info`. */
  readonly level: 'info' | 'warn';
  /** Printable: a sentence for people. */
  readonly text: string;
  /** A second line for people. */
  readonly hint?: string | undefined;
  /** For JSON, in snake_case. Undefined values are omitted. */
  readonly fields?: Readonly<Record<string, FieldValue>>;
  /** How many lines of this kind were omitted since the last one. */
  readonly omitted?: number;
}

export interface PublishedLine {
  readonly name: string;
  readonly leaseId: string;
  readonly relay: string;
}

export interface ExposeOutput {
  line(line: ExposeLine): void;
  /** The result: a line for scripts, once for each relay. */
  published(line: PublishedLine): void;
  /** Undefined: requests are not printed. */
  readonly requests: RequestObserver | undefined;
  /** Prints what is still held back. Idempotent. */
  close(): void;
}

export interface ExposeOutputOptions {
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function exposeOutput(
  terminal: Pick<QueuedTerminal, 'bothWatched' | 'result' | 'note'>,
  { quiet = false, json = false }: ExposeOutputOptions,
  clock: Clock = systemClock,
): ExposeOutput {
  return json ? jsonOutput(terminal, quiet, clock) : textOutput(terminal, quiet, clock);
}

/** For a queued terminal that has dropped lines. */
export function lostLine(lines: number): ExposeLine {
  const text = `${lines} ${lines === 1 ? 'line was' : 'lines were'} lost, because the output was not read in time.`;
  return { event: 'output_lost', level: 'warn', text, fields: { lines } };
}

function textOutput(
  terminal: Pick<QueuedTerminal, 'bothWatched' | 'result' | 'note'>,
  quiet: boolean,
  clock: Clock,
): ExposeOutput {
  const requests = quiet
    ? undefined
    : new RequestLines((line) => {
        terminal.note(line);
      }, clock);
  return {
    requests,
    line: ({ level, text, hint, omitted = 0 }) => {
      if (quiet && level === 'info') return;
      terminal.note(omitted === 0 ? text : `${text} ${omitted} more since the last such line.`);
      if (hint !== undefined) terminal.note(hint);
    },
    published: ({ name, leaseId, relay }) => {
      // Elsewhere a person sees the same in the sentence about it.
      if (quiet || !terminal.bothWatched) terminal.result(`${name} ${leaseId} ${relay}`);
    },
    close: () => requests?.close(),
  };
}

function jsonOutput(terminal: Pick<QueuedTerminal, 'result'>, quiet: boolean, clock: Clock): ExposeOutput {
  return {
    requests: quiet
      ? undefined
      : jsonRequests((line) => {
          terminal.result(line);
        }, clock),
    line: ({ event, level, text, fields, omitted }) => {
      // It holds the result, which --quiet does not omit.
      if (quiet && level === 'info' && event !== 'published') return;
      const time = timestamp(clock.wallMs());
      terminal.result(
        maskSecrets(
          printableJson({ time, level, event, message: text, ...fields, omitted: omitted === 0 ? undefined : omitted }),
        ),
      );
    },
    // The line of the event has all of it.
    published: () => undefined,
    close: () => undefined,
  };
}
