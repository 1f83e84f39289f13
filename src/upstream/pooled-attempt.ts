// Owns the common way of a request: over a pooled tunnel that speaks HTTP through undici, given back when the answer is whole.
import type { Dispatcher } from 'undici';
import { noHeaders } from '../kernel/http.ts';
import { Attempt } from './attempt.ts';
import type { Connection } from './connection.ts';
import { latin1 } from './response-head.ts';
import type { Freshness } from './tunnel-pool.ts';

/** RFC 9110 §9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

export class PooledAttempt extends Attempt implements Dispatcher.DispatchHandler {
  #freshness: Freshness | undefined = undefined;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #sentBefore = 0;

  /** A request that can't be sent a second time, by its method or because its body will be gone, must not meet a dead tunnel. */
  get freshness(): Freshness {
    const { method, body } = this.request;
    return (this.#freshness ??= body.lengthBytes === 'none' && idempotentMethods.has(method) ? 'any' : 'recent');
  }

  protected send(connection: Connection): void {
    const { method, target, headers, body } = this.request;
    this.#sentBefore = connection.tunnel.bytesSent;
    connection.dispatch(
      {
        method,
        path: target,
        headers,
        body: body.lengthBytes === 'none' || body.lengthBytes === 0 ? null : body.open(),
        // Nothing is ever queued behind a request here.
        blocking: false,
        servername: 'tunnel',
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.phase === 'done') controller.abort(new Error('the request was given up'));
  }

  onBodySent(): void {
    this.uploading();
  }

  onRequestSent(): void {
    this.uploaded();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = latin1((controller.rawHeaders ?? []) as Buffer[]);
    if (status < 200) this.informed(status, raw);
    else this.answered(status, raw);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.streamed(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const trailers = controller.rawTrailers as Buffer[] | null | undefined;
    this.connection?.release();
    this.ended(trailers == null || trailers.length === 0 ? noHeaders : latin1(trailers));
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.phase === 'sent' && this.#mayRepeat()) {
      this.#freshness = 'new';
      this.connection?.destroy();
      this.again();
    } else this.broke(error);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /**
   * An app may close an idle tunnel in the very moment in which it is used again; that is no failure of the app, and every HTTP
   * client repeats the request then (RFC 9112 §9.3.1). Once, on a tunnel of its own, and only when it can do no harm: not a byte
   * of an answer came, and the request is idempotent or not a byte of it went out. Retries by policy are a stage of their own.
   */
  #mayRepeat(): boolean {
    const { connection, request } = this;
    if (connection?.used !== true || !connection.silent || request.body.started) return false;
    if (this.#freshness === 'new') return false;
    return idempotentMethods.has(request.method) || connection.tunnel.bytesSent === this.#sentBefore;
  }
}
