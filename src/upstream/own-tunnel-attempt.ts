// Owns the requests that take a tunnel of their own, spoken to by Node's client: what undici can't send (Expect, trailers, `*`),
// and upgrades, whose tunnel leaves HTTP.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../kernel/errors.ts';
import { fieldValue } from '../kernel/field-value.ts';
import { noHeaders, type RawHeaders } from '../kernel/http.ts';
import { isOffered } from '../kernel/upgrade-protocols.ts';
import { Attempt } from './attempt.ts';
import type { Connection } from './connection.ts';
import { endToEndTrailers } from './request-headers.ts';
import type { Freshness } from './tunnel-pool.ts';

/** As for pooled tunnels. */
const maxHeaderBytes = 64 * 1024;

export class OwnTunnelAttempt extends Attempt {
  readonly freshness: Freshness = 'new';
  #response: IncomingMessage | undefined = undefined;

  protected send(connection: Connection): void {
    const { method, target, body } = this.request;
    if (connection.dead) {
      this.broke(connection.fault());
      return;
    }
    // Node's client never reports a tunnel that closed before it listened.
    connection.tunnel.once('close', () => {
      if (this.phase === 'sent') this.broke(connection.fault());
    });
    let outgoing: ClientRequest;
    try {
      outgoing = httpRequest({
        method,
        path: target,
        headers: this.#headers(),
        createConnection: () => connection.tunnel,
        maxHeaderSize: maxHeaderBytes,
        setDefaultHeaders: false,
      });
    } catch (error) {
      this.broke(error);
      return;
    }
    // By default Node drops what exceeds a number of headers, silently, framing too; their bytes are limited already.
    outgoing.maxHeadersCount = 0;
    outgoing.on('information', ({ statusCode, rawHeaders }) => {
      this.informed(statusCode, rawHeaders);
    });
    outgoing.on('response', (response) => {
      this.#respond(response, outgoing, connection);
    });
    outgoing.on('upgrade', (response, tunnel, rest) => {
      this.#upgrade(response, tunnel, rest, connection);
    });
    outgoing.on('error', (error) => {
      // What came behind a whole answer is not its fault: nobody will read this tunnel again.
      if (this.#response?.complete !== true) this.broke(error);
    });
    if (body.lengthBytes === 'none') {
      outgoing.end();
      this.uploaded();
    } else this.#upload(outgoing, connection);
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  /**
   * Node adds nothing to an array of headers: framing and connection are said here. Not `close`, though the tunnel ends with this
   * request: an app that answers before it has read an upload would cut it off, its answer too.
   */
  #headers(): string[] {
    const { headers, carriage, body } = this.request;
    const all = [...headers];
    if (carriage !== 'upgrade') all.push('Connection', 'keep-alive');
    if (body.lengthBytes === null) all.push('Transfer-Encoding', 'chunked');
    return all;
  }

  #upload(outgoing: ClientRequest, connection: Connection): void {
    const { body, dropped } = this.request;
    const stream = body.open();
    outgoing.flushHeaders();
    stream.on('data', (chunk: Buffer) => {
      this.uploading();
      if (!outgoing.write(chunk)) stream.pause();
    });
    outgoing.on('drain', () => {
      stream.resume();
    });
    stream.on('end', () => {
      if (body.lengthBytes === null) outgoing.addTrailers(pairs(endToEndTrailers(body.trailers(), dropped)));
      outgoing.end();
      this.uploaded();
    });
    stream.on('error', (error) => {
      this.broke(error);
    });
    const leave = (): void => {
      // Answered before the upload was complete: what still comes is nobody's.
      if (!stream.readableEnded) stream.destroy();
    };
    outgoing.on('close', leave);
    connection.tunnel.once('close', leave);
  }

  #respond(response: IncomingMessage, outgoing: ClientRequest, connection: Connection): void {
    const status = response.statusCode ?? 0;
    // Node takes a 101 that names no protocol for an answer like others.
    if (status < 200) {
      this.broke(unoffered());
      return;
    }
    this.#response = response;
    this.answered(status, response.rawHeaders);
    response.on('data', (chunk: Buffer) => {
      if (!this.streamed(chunk)) response.pause();
    });
    response.on('end', () => {
      this.ended(response.rawTrailers.length === 0 ? noHeaders : response.rawTrailers);
      if (outgoing.writableFinished) connection.close();
      else connection.destroy();
    });
    response.on('error', (error) => {
      this.broke(error);
    });
  }

  #upgrade(response: IncomingMessage, tunnel: Duplex, rest: Buffer, connection: Connection): void {
    if (this.phase !== 'sent') return;
    if (!isOffered(response.headers.upgrade, fieldValue(this.request.headers, 'upgrade') ?? '')) {
      this.broke(unoffered());
      return;
    }
    if (rest.length > 0) tunnel.unshift(rest);
    this.upgraded(response.rawHeaders, response.headers.upgrade ?? '', connection);
  }
}

function unoffered(): GatewayError {
  return new GatewayError('bad_upstream_response', 'The app switched to a protocol that was not offered.');
}

function pairs(raw: RawHeaders): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return list;
}
