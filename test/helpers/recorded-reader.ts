// A response reader that records its events as short strings, for tests of their order.
import { ResponseReader } from '../../src/http-client/response-reader.ts';
import type { ExpectedResponse } from '../../src/http-client/response.ts';
import { get } from './http-reading.ts';

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export interface Recorded {
  readonly reader: ResponseReader;
  readonly events: string[];
  /** Returns the events since the last call. */
  readonly taken: () => string[];
}

/** Calls `react` within each event. */
export function record(react: (event: string, reader: ResponseReader) => void = () => undefined): Recorded {
  const events: string[] = [];
  const add = (event: string): void => {
    events.push(event);
    react(event, reader);
  };
  const reader: ResponseReader = new ResponseReader({
    informational: ({ status }) => {
      add(`interim ${status}`);
    },
    head: ({ status }) => {
      add(`head ${status}`);
    },
    data: (chunk) => {
      add(`data ${chunk.toString('latin1')}`);
    },
    end: (trailers) => {
      add(['end', ...trailers].join(' '));
    },
    upgrade: ({ status }) => {
      add(`upgrade ${status}`);
    },
  });
  return { reader, events, taken: () => events.splice(0) };
}

export function expecting(
  react?: (event: string, reader: ResponseReader) => void,
  expected: ExpectedResponse = get,
): Recorded {
  const recorded = record(react);
  recorded.reader.expect(expected);
  return recorded;
}
