// An HTTP connection over a scripted pipe, and a handler that records what an exchange reports.
import assert from 'node:assert/strict';
import { HttpConnection } from '../../src/http-client/client-connection.ts';
import type { ExchangeHandler, OutgoingRequest } from '../../src/http-client/exchange.ts';
import type { HttpFault } from '../../src/http-client/http-fault.ts';
import { encodeRequestHead } from '../../src/http-client/encode-request-head.ts';
import type { ResponseHead } from '../../src/http-client/response.ts';
import type { RawHeaders } from '../../src/kernel/http/http.ts';
import type { PipeDuplex } from '../../src/kernel/net/pipe-duplex.ts';
import { ScriptedPipe } from './scripted-pipe.ts';

/** Records the events of an exchange, and fails on a second outcome. */
export class ExchangeRecorder implements ExchangeHandler {
  readonly events: string[] = [];
  outcome = 'none';
  body = '';
  fault: HttpFault | undefined;
  stream: PipeDuplex | undefined;
  uploadedAll = false;
  /** True: data() returns false. */
  slow = false;

  uploading(): void {
    this.#still('uploading');
  }
  uploaded(): void {
    this.#still('uploaded');
    this.uploadedAll = true;
  }
  informational({ status }: ResponseHead): void {
    this.#still(String(status));
  }
  head({ status }: ResponseHead): void {
    this.#still(`head ${status}`);
  }
  data(chunk: Buffer): boolean {
    this.#still('data');
    this.body += chunk.toString('latin1');
    return !this.slow;
  }
  end(trailers: RawHeaders): void {
    this.#over(`whole${trailers.length > 0 ? ` ${trailers.join()}` : ''}`);
  }
  upgrade(_head: ResponseHead, stream: PipeDuplex): void {
    this.stream = stream;
    this.#over('upgraded');
  }
  fail(fault: HttpFault): void {
    this.fault = fault;
    this.#over(`${fault.kind} ${fault.moment}`);
  }

  #still(event: string): void {
    assert.equal(this.outcome, 'none', `${event} after the end`);
    this.events.push(event);
  }
  #over(outcome: string): void {
    assert.equal(this.outcome, 'none', `${outcome} after ${this.outcome}`);
    this.outcome = outcome;
  }
}

export class ConnectionOwner {
  readonly pipe: ScriptedPipe = new ScriptedPipe();
  readonly connection: HttpConnection;
  rests = 0;
  excesses = 0;
  losses = 0;

  constructor() {
    this.connection = new HttpConnection(this.pipe, {
      idle: () => {
        this.rests += 1;
      },
      excess: () => {
        this.excesses += 1;
      },
      lost: () => {
        this.losses += 1;
      },
    });
  }

  send(request: Partial<OutgoingRequest> = {}): ExchangeRecorder {
    const recorder = new ExchangeRecorder();
    const method = request.method ?? 'GET';
    const head = encodeRequestHead({ method, target: '/', headers: ['Host', 'a'] });
    this.connection.send({ method, head, body: undefined, offeredProtocols: '', ...request }, recorder);
    return recorder;
  }
}
