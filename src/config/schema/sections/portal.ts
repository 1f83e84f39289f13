// The settings of the path to the apps: relays, tunnels and lease names.
import type { z } from 'zod';
import { isEd25519Key, isLeaseId, isPinnableName, isRelayUrl } from '../../check/checks.ts';
import { choice, duration, entry, list, map, path, section, size, text, wholeNumber } from '../fields.ts';

const relayUrl = { expects: 'a relay URL, such as wss://relay.example.com/relay', check: isRelayUrl } as const;
const exampleUrl = 'wss://relay.example.com/relay';

const relay = entry('RelayConfig', 'A relay.', {
  url: text('The URL of the relay, `ws://` or `wss://`.', { ...relayUrl, example: exampleUrl }),
  ca_file: path("CA certificates (PEM) to trust for `wss://` instead of the system's.", { optional: true }),
});

export const portal: z.ZodType = section('PortalConfig', 'The relays, and the tunnels through them.', {
  relay_url: text('Short form of `relays` with one entry.', {
    ...relayUrl,
    initial: 'ws://localhost:4017/relay',
    example: exampleUrl,
    restart: true,
  }),
  relays: list('The relays to connect to.', relay, { restart: true }),
  identity: text(
    "The gateway's private key (Ed25519, PEM), usually `file:PATH`. Empty: a file in the user's state directory, created at the first start, or a new identity at each start where no file can be stored. Replicas share one identity.",
    {
      initial: '',
      expects: 'an Ed25519 private key in PEM',
      check: isEd25519Key,
      example: 'file:identity.pem',
      secret: 'private',
      restart: true,
    },
  ),
  keepalive_interval: duration('How often a keepalive is sent to each relay.', {
    initial: '10s',
    min: '100ms',
    max: '10m',
    restart: true,
  }),
  keepalive_timeout: duration('How long to wait for the response to a keepalive before the relay counts as lost.', {
    initial: '5s',
    min: '10ms',
    max: '10m',
    restart: true,
  }),
  reconnect: section(
    'ReconnectConfig',
    'Backoff between attempts to reconnect to a lost relay. Attempts have jitter and never stop.',
    {
      initial: duration('The first delay.', { initial: '500ms', min: '1ms', max: '1h', restart: true }),
      max: duration('The longest delay.', { initial: '30s', min: '1ms', max: '24h', restart: true }),
    },
  ),
  pool: section('PoolConfig', 'The pool of tunnels to each lease.', {
    max_idle: wholeNumber(
      'The most idle tunnels to keep open for later requests. Further ones stay for 2 s; with 0, none stays.',
      {
        initial: 100,
        min: 0,
        max: 100_000,
      },
    ),
    max_active: wholeNumber('The most tunnels in use at once.', { initial: 1000, min: 1, max: 100_000 }),
    idle_timeout: duration('Closes a tunnel that has been idle for this long.', {
      initial: '90s',
      min: '10ms',
      max: '24h',
    }),
  }),
  directory_ttl: duration('How long the list of leases from a relay is cached.', {
    initial: '10s',
    min: '10ms',
    max: '24h',
  }),
  name_binding: choice(
    'Which lease id keeps a name when another id claims it. `first`: the id that had the name keeps it while it is listed. `strict`: a new id must be pinned, or accepted by `portal-gateway leases accept NAME`.',
    ['first', 'strict'],
    { initial: 'first' },
  ),
  max_leases: wholeNumber(
    'The most leases used from one relay; further entries of its list are ignored and reported.',
    {
      initial: 20_000,
      min: 1,
      max: 1_000_000,
    },
  ),
  max_window: size(
    'The largest receive window of a tunnel. A window grows from 256 KiB with the bandwidth and the round trip of its tunnel.',
    { initial: '16MiB', min: '256KiB', max: '16MiB', restart: true },
  ),
  window_budget: size(
    'The memory by which the receive windows of all tunnels together may grow: half for tunnels in use, half for idle ones. Of either half, the tunnels to one lease take at most half of what other leases leave.',
    { initial: '256MiB', min: '1MiB', max: '64GiB', restart: true },
  ),
  lease_pins: map(
    'Pins a lease name to an id, so that a relay cannot point the name at another app.',
    { expects: 'a lease name', check: isPinnableName },
    text('A lease id.', {
      expects: 'a lease id: 26 characters A-Z and 2-7',
      check: isLeaseId,
      example: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    }),
  ),
});
