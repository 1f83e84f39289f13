// The app of the benchmarks: /bytes/N responds with N bytes; posted bodies are counted and
// discarded. Serves a TCP port, or a lease when a relay URL is given.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { countLiveBuffersOnly } from '../../src/cli/buffer-accounting.ts';

countLiveBuffersOnly();
const block = Buffer.alloc(256 * 1024, 'x');

const server = createServer((req, res) => {
  const path = req.url ?? '/';
  if (!path.startsWith('/bytes/')) {
    let receivedBytes = 0;
    req.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length;
    });
    req.on('end', () => res.end(String(receivedBytes)));
    return;
  }
  let left = Number(path.slice('/bytes/'.length));
  res.setHeader('content-type', 'application/octet-stream');
  res.setHeader('content-length', left);
  if (left <= block.length) {
    res.end(block.subarray(0, left));
    return;
  }
  const more = (): void => {
    while (left > 0) {
      const chunk = left < block.length ? block.subarray(0, left) : block;
      left -= chunk.length;
      if (!res.write(chunk)) {
        res.once('drain', more);
        return;
      }
    }
    res.end();
  };
  more();
});
server.keepAliveTimeout = 120_000;

const [relayUrl, name] = process.argv.slice(2);
if (relayUrl === undefined) {
  server.listen(0, '127.0.0.1', () => {
    console.log(String((server.address() as AddressInfo).port));
  });
} else {
  const { createCredential, RelayClient } = await import('../../src/portal/index.ts');
  const credential = createCredential();
  const client = new RelayClient({
    url: relayUrl,
    credential,
    log: (event) => {
      if (event.type === 'published') console.log(credential.id);
    },
  });
  for await (const tunnel of client.listen({ name: name ?? 'bench', alpn: ['http/1.1'], credential })) {
    tunnel.on('error', () => undefined);
    server.emit('connection', tunnel);
  }
}
