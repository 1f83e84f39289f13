// Requests through `expose` as lines of JSON, one for each: a consumer of JSON counts them, so that
// none is omitted.
import type { RequestObserver, ServedRequestEvent } from '../../expose/request-meter.ts';
import type { Clock } from '../../kernel/clock.ts';
import { printableJson } from '../../kernel/printable.ts';
import { requestText } from '../../kernel/request-text.ts';
import { timestamp } from '../../observe/logs/timestamp.ts';

/** Callers choose these, so their length is bounded: as in the access log of the gateway. */
const maxPathCharacters = 2_048;
const maxMethodCharacters = 32;

export function jsonRequests(write: (line: string) => void, clock: Clock): RequestObserver {
  const print = (event: 'request' | 'request_opened', request: ServedRequestEvent): void => {
    const { method, path, status, durationMs, bytesReceived, bytesSent, stream, outcome } = request;
    const isOver = event === 'request';
    write(
      printableJson({
        time: timestamp(clock.wallMs()),
        level: 'info',
        event,
        method: method === '' ? undefined : requestText(method, maxMethodCharacters),
        path: path === '' ? undefined : requestText(path, maxPathCharacters),
        status,
        duration_ms: Math.round(durationMs * 1000) / 1000,
        bytes_received: isOver ? bytesReceived : undefined,
        bytes_sent: isOver ? bytesSent : undefined,
        stream,
        outcome: isOver ? outcome : undefined,
      }),
    );
  };
  return {
    opened: (request) => {
      print('request_opened', request);
    },
    finished: (request) => {
      print('request', request);
    },
  };
}
