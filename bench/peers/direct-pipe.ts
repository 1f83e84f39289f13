// The minimal Node proxy: node:http in, undici dispatch out, nothing else. The baseline for the
// overhead of our pipeline.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { Pool, type Dispatcher } from 'undici';

const pool = new Pool(`http://127.0.0.1:${String(process.argv[2])}`, { connections: 64 });

class PipeHandler implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;
  constructor(res: ServerResponse) {
    this.#res = res;
  }
  onRequestStart(): void {
    // Nothing to prepare.
  }
  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#res.on('drain', () => {
      controller.resume();
    });
    this.#res.writeHead(
      status,
      (controller.rawHeaders as Buffer[]).map((part) => part.toString('latin1')),
    );
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#res.write(chunk)) controller.pause();
  }
  onResponseEnd(): void {
    this.#res.end();
  }
  onResponseError(): void {
    this.#res.destroy();
  }
}

const server = createServer((req: IncomingMessage, res) => {
  const headers = req.rawHeaders.filter((_, i, all) => !/^(connection|host|expect)$/i.test(all[i - (i % 2)] ?? ''));
  pool.dispatch(
    {
      path: req.url ?? '/',
      method: req.method as Dispatcher.HttpMethod,
      headers,
      body: req.method === 'GET' ? null : req,
    },
    new PipeHandler(res),
  );
});
server.listen(0, '127.0.0.1', () => {
  console.log(String((server.address() as AddressInfo).port));
});
