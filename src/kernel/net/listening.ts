// Listens on every address of a host name. Node's net servers listen on the first address only, and
// clients may try another one first.
import { codeOf } from '../reason.ts';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Returns the addresses of a host name, in the order of the system's resolver. */
export type HostLookup = (host: string) => Promise<readonly string[]>;

export interface ListenOptions {
  /** A name or an address. */
  readonly host: string;
  /** 0: any port that is free on all addresses. */
  readonly port: number;
  readonly lookup?: HostLookup | undefined;
}

/**
 * Attempts to find a port that is free on all addresses: the one that the system chose for one
 * address may be in use on another.
 */
const maxChoices = 20;
/**
 * The resolver returned addresses that this machine does not have, such as ::1 where IPv6
 * is disabled.
 */
const notOfThisMachine: ReadonlySet<unknown> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/**
 * Creates one server for each address of the host, all on the same port. Skips addresses that this
 * machine does not have, unless there is no other. Rejects with the system's error after closing
 * all servers.
 */
export async function listenOnEvery<S extends Server>(
  { host, port, lookup: addressesOf = systemLookup }: ListenOptions,
  create: () => S,
): Promise<readonly [S, ...S[]]> {
  const addresses = new Set(await addressesOf(host));
  for (let choices = 1; ; choices += 1) {
    const servers: S[] = [];
    let absent: unknown = new Error(`${host} has no address`);
    try {
      for (const address of addresses) {
        const server = create();
        try {
          await listen(server, portOf(servers[0]) ?? port, address);
          servers.push(server);
        } catch (error) {
          if (!notOfThisMachine.has(codeOf(error))) throw error;
          absent = error;
        }
      }
      const [first, ...more] = servers;
      if (first === undefined) throw absent;
      return [first, ...more];
    } catch (error) {
      await Promise.all(servers.map(close));
      const tryAnother = port === 0 && servers.length > 0 && codeOf(error) === 'EADDRINUSE';
      if (!tryAnother || choices === maxChoices) throw error;
    }
  }
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

async function listen(server: Server, port: number, address: string): Promise<void> {
  server.listen(port, address);
  await once(server, 'listening');
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}

function portOf(server: Server | undefined): number | undefined {
  return (server?.address() as AddressInfo | undefined)?.port;
}
