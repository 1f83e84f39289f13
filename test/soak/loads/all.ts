// The loads of the soak, in the order of the report.
import type { Load } from '../load.ts';
import { load as brotliBombs } from './brotli-bombs.ts';
import { load as endingTunnels } from './ending-tunnels.ts';
import { load as hostileRelay } from './hostile-relay.ts';
import { load as http2Bodies } from './http2-bodies.ts';
import { load as http2Resets } from './http2-resets.ts';
import { load as http2SlowHeads } from './http2-slow-heads.ts';
import { load as nastyHeads } from './nasty-heads.ts';
import { load as pipelining } from './pipelining.ts';
import { load as relayTunnels } from './relay-tunnels.ts';
import { load as relayUpgrades } from './relay-upgrades.ts';
import { load as signals } from './signals.ts';
import { load as tlsHandshakes } from './tls-handshakes.ts';
import { load as unreadResponses } from './unread-responses.ts';

export const loads: readonly Load[] = [
  endingTunnels,
  nastyHeads,
  brotliBombs,
  hostileRelay,
  unreadResponses,
  pipelining,
  http2Bodies,
  http2Resets,
  http2SlowHeads,
  relayTunnels,
  relayUpgrades,
  tlsHandshakes,
  signals,
];
