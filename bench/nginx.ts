// Starts the baseline of the benchmarks: nginx in front of the app, configured as for the reference
// figures (one worker per core, access log on, upstream keep-alive).
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { startPeer, type Peer } from './process.ts';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `folder` holds its files. The caller stops the peer. */
export async function startNginx(
  appPort: string,
  folder: string,
): Promise<{ readonly peer: Peer; readonly url: string }> {
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  // Workers that drop root could not write to the folder, which only we may access.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const config = `${user} worker_processes auto; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http { access_log ${folder}/access.log; ${paths.join(' ')} client_max_body_size 0; keepalive_requests 100000000;
  upstream app { server 127.0.0.1:${appPort}; keepalive 64; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_request_buffering off; proxy_set_header Connection ""; } } }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const peer = await startPeer('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], { readySilently: true });
  for (;;) {
    const up = await fetch(`http://127.0.0.1:${port}/bytes/1`).then(
      (res) => res.ok,
      () => false,
    );
    if (up) break;
  }
  return { peer, url: `http://127.0.0.1:${port}` };
}
