// Ports of this machine for the commands of a test file: of servers that are not the gateway, or
// free. Texts name them, because they are known only when the tests run.
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** The server runs as long as the tests of the file. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Replaces names in capitals, such as FREE. */
export function withPorts(text: string, ports: Readonly<Record<string, number>>): string {
  return text.replace(/\b[A-Z]+\b/g, (name) => String(ports[name] ?? name));
}
