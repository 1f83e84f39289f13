// Measures the cost of observing a request: the stage that reports it, the metrics that count it
// and the log line. Compares them with the same counts in prom-client and the same line in pino, to
// show why we use neither. Best of several rounds, microseconds of CPU per request.
// Run: node bench/micro/observe.ts
import { pino } from 'pino';
import { Counter, Histogram, Registry } from 'prom-client';
import { testPolicy } from '../../test/helpers/policy.ts';
import { Cancellation } from '../../src/kernel/work/cancellation.ts';
import { listen, requestFinished, type RequestFinished } from '../../src/kernel/events.ts';
import { noHeaders, type Flow, type RequestBody } from '../../src/kernel/http/http.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { timestamp } from '../../src/observe/logs/timestamp.ts';
import { writeAccessLog } from '../../src/observe/logs/access-log.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import type { Exchange } from '../../src/pipeline/stage.ts';
import { observe } from '../../src/pipeline/stages/observe.ts';
import { microseconds, nowhere, row } from './cost.ts';

const flow: Flow = { endsByClose: false, pause: () => undefined, resume: () => undefined, abort: () => undefined };
const body: RequestBody = {
  lengthBytes: 'none',
  started: false,
  receivedBytes: 0,
  open: () => {
    throw new Error('the body is not read here');
  },
  trailers: () => noHeaders,
};
const response = Buffer.alloc(1024);
const responseHeaders = ['Date', 'x', 'Content-Length', '1024', 'Content-Type', 'application/json', 'X-Other', 'y'];
const requestHeaders = [
  'Host',
  'x',
  'User-Agent',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  'Accept',
  '*/*',
];
const leaseId = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The part of an exchange that the stage reads. */
const exchange = {
  id: 'b6b5c1c0-7f0e-4d57-8a37-1f5a2b3c4d5e',
  kind: 'client',
  req: { method: 'GET', target: '/peer/demo/api/items?page=2', headers: requestHeaders, upgrade: false },
  body,
  policy: testPolicy(),
  cancellation: new Cancellation(),
  startedMs: performance.now(),
  httpVersion: '1.1',
  clientIp: '203.0.113.7',
  route: { kind: 'path', lease: 'demo', prefix: '/peer/demo', target: '/api/items?page=2' },
  principal: { id: 'frontend' },
  destination: { lease: { id: leaseId }, transports: [], host: 'demo' },
  outcome: { relay: 'wss://relay.example.com/relay', startedMs: performance.now(), fault: undefined },
} as unknown as Exchange;

const dispatch = observe(systemClock)((_, sink) => {
  sink.head(200, responseHeaders, flow);
  sink.data(response);
  sink.end(noHeaders);
});

function measure(name: string, ...started: (() => void)[]): void {
  row(
    name,
    microseconds(() => {
      dispatch(exchange, nowhere);
    }),
  );
  for (const end of started) end();
}

function metrics(): () => void {
  const counting = createMetrics({ version: '', status: () => ({ relays: [], tunnels: [], certificates: [] }) });
  return () => {
    counting.close();
  };
}

let logged = 0;

function log(): () => void {
  return writeAccessLog({
    now: () => timestamp(systemClock.wallMs()),
    enabled: () => true,
    write: (line) => {
      logged += line.length;
    },
    fault: () => undefined,
  });
}

/** prom-client with label sets resolved beforehand, the fastest way it offers. */
function byPromClient(): () => void {
  const registers = [new Registry()];
  const of = { help: 'x', registers };
  const labels = { method: 'GET', path: '/peer/:lease/*', lease_id: leaseId };
  const requests = new Counter({ ...of, name: 'r', labelNames: ['method', 'path', 'status', 'lease_id', 'tenant'] });
  const durations = new Histogram({ ...of, name: 'd', labelNames: ['method', 'path', 'lease_id'] });
  const request = requests.labels({ ...labels, status: '200', tenant: '' });
  const duration = durations.labels(labels);
  const sizes = ['u', 'i', 'o'].map((name) => new Histogram({ ...of, name }));
  return listen(requestFinished, ({ durationMs }) => {
    request.inc();
    duration.observe(durationMs / 1000);
    for (const size of sizes) size.observe(1);
  });
}

function byPino(): () => void {
  const logger = pino(
    {
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line) => {
        logged += line.length;
      },
    },
  );
  return listen(requestFinished, (event: RequestFinished) => {
    logger.info(
      {
        request_id: event.requestId,
        method: event.method,
        path: event.path,
        status: event.status,
        duration_ms: Math.round(event.durationMs * 1000) / 1000,
        bytes_sent: event.bytesSent,
        bytes_received: event.bytesReceived,
        lease_id: event.leaseId,
        relay: event.relay,
        key_id: event.keyId,
        client_ip: event.clientIp,
        user_agent: event.userAgent,
      },
      'request',
    );
  });
}

measure('nobody listens');
measure(
  'the stage alone',
  listen(requestFinished, () => undefined),
);
measure('metrics', metrics());
measure('log', log());
measure('metrics and log', metrics(), log());
measure('metrics by prom-client', byPromClient());
measure('log by pino', byPino());
if (logged === 0) throw new Error('nothing was logged');
