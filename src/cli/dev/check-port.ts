// Checks that the gateway of `dev` can listen, before anything is published on a relay. The gateway
// itself listens last, so that it drains first.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { listenError } from '../../gateway/start-error.ts';

/** `make run` runs `dev`, too. */
const option = '--port (make run: PORT=8081)';

/** Throws StartError. Another process may still take the port afterwards. */
export async function checkPort(host: string, port: number): Promise<void> {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, 'the gateway', host, port, option);
  }
  server.close();
  await once(server, 'close');
}
