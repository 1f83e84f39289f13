// The conformance table: all topics, in reading order.
import type { Topic } from './row.ts';
import { chunks } from './rows/chunks.ts';
import { connections } from './rows/connections.ts';
import { crossOrigin } from './rows/cors.ts';
import { credentials, withoutAuth } from './rows/credentials.ts';
import { bodyLimit, errors } from './rows/errors.ts';
import { forwarded, trustedProxies } from './rows/forwarded.ts';
import { headerSyntax } from './rows/header-syntax.ts';
import { hopByHop } from './rows/hop-by-hop.ts';
import { host } from './rows/host.ts';
import { hostMode } from './rows/host-mode.ts';
import { interim } from './rows/interim.ts';
import { proxyProtocol } from './rows/proxy-protocol.ts';
import { requestFraming } from './rows/request-framing.ts';
import { requestLine } from './rows/request-line.ts';
import { responseBodies } from './rows/response-bodies.ts';
import { responses } from './rows/responses.ts';
import { rewriting } from './rows/rewriting.ts';
import { targets } from './rows/targets.ts';
import { timeouts } from './rows/timeouts.ts';
import { upgrades } from './rows/upgrades.ts';
import { upstreamBodies } from './rows/upstream-bodies.ts';
import { upstreamHeads } from './rows/upstream-heads.ts';

export const table: readonly Topic[] = [
  requestLine,
  targets,
  host,
  headerSyntax,
  requestFraming,
  chunks,
  connections,
  hopByHop,
  forwarded,
  trustedProxies,
  credentials,
  withoutAuth,
  interim,
  responses,
  responseBodies,
  upgrades,
  hostMode,
  rewriting,
  crossOrigin,
  errors,
  bodyLimit,
  timeouts,
  proxyProtocol,
  upstreamHeads,
  upstreamBodies,
];
