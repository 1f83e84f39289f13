// Requests through `expose` as lines for people: time, method, path, status, milliseconds, bytes. A
// flood is summed up once a second, so that it costs neither the tunnels nor the reader.
import type { RequestObserver, ServedRequestEvent } from '../../expose/request-meter.ts';
import type { Clock } from '../../kernel/clock.ts';
import { LineBudget } from './line-budget.ts';
import { shownRequest } from './shown-request.ts';

/** A burst holds a page with all its parts; 20 lines a second are more than anyone can read. */
const rate = { maxLines: 200, refillMs: 50 };
const summaryMs = 1_000;

export class RequestLines implements RequestObserver {
  readonly #note: (line: string) => void;
  readonly #clock: Clock;
  readonly #budget: LineBudget;
  #omitted = 0;
  /** Those of the omitted that the caller saw fail. */
  #failed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(note: (line: string) => void, clock: Clock) {
    this.#note = note;
    this.#clock = clock;
    this.#budget = new LineBudget(clock.monotonicMs(), rate);
  }

  opened(request: ServedRequestEvent): void {
    if (this.#budget.take(this.#clock.monotonicMs()) !== undefined) this.#print(request, 'open');
  }

  finished(request: ServedRequestEvent): void {
    if (this.#budget.take(this.#clock.monotonicMs()) !== undefined) {
      this.#print(request, endOf(request));
      return;
    }
    this.#omitted += 1;
    if (request.status >= 500 || request.outcome === 'cut') this.#failed += 1;
    this.#timer ??= setTimeout(() => {
      this.#summarize();
    }, summaryMs).unref();
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#summarize();
  }

  #summarize(): void {
    this.#timer = undefined;
    if (this.#omitted === 0) return;
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} of them failed`;
    this.#note(
      `${localTime(this.#clock.wallMs())} ${this.#omitted} more ${this.#omitted === 1 ? 'request' : 'requests'}${failed}`,
    );
    this.#omitted = 0;
    this.#failed = 0;
  }

  #print(request: ServedRequestEvent, end: string): void {
    const { method, path } = shownRequest(request.method, request.path);
    const time = localTime(this.#clock.wallMs());
    this.#note(`${time} ${method} ${path} ${request.status} ${msText(request.durationMs)} ${end}`);
  }
}

function endOf({ bytesSent, outcome }: ServedRequestEvent): string {
  switch (outcome) {
    case 'complete':
      return bytesText(bytesSent);
    case 'cut':
      return `${bytesText(bytesSent)} (cut)`;
    case 'client_closed':
      return `${bytesText(bytesSent)} (the caller disconnected)`;
  }
}

/** By the time zone of this machine, as its owner sees it on the wall. */
export function localTime(wallMs: number): string {
  const date = new Date(wallMs);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${hours ?? ''}:${minutes ?? ''}:${seconds ?? ''}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : String(Math.round(ms))} ms`;
}

const units = ['kB', 'MB', 'GB', 'TB'] as const;

function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  let rest = bytes / 1_000;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (rest >= 999.95 && unit < units.length - 1) {
    rest /= 1_000;
    unit += 1;
  }
  return `${rest.toFixed(1)} ${units[unit] ?? ''}`;
}
