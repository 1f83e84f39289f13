// Runs the table as tests: sets up one stage for each gateway setup that rows need, and plays its
// rows in parallel.
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { runRowOverHttp2 } from './harness/http2.ts';
import { openStage, type AppPeer, type Stage } from './harness/stage.ts';
import { runRow, type Staged } from './harness/run-row.ts';
import type { Row } from './row.ts';
import { setups } from './setups.ts';
import { table } from './table.ts';

/** Rows played in parallel; each spends most of its time waiting for sockets. */
const sideBySide = 24;

interface Play {
  readonly version: string;
  readonly peer: AppPeer;
  readonly gateway: Partial<GatewayOptions>;
  readonly applies: (row: Row) => boolean;
  readonly run: (staged: Staged, port: number) => Promise<void>;
}

export function playTable(peer: AppPeer): void {
  play({ version: 'HTTP/1.1', peer, gateway: {}, applies: () => true, run: runRow });
}

export function playTableOverHttp2(peer: AppPeer): void {
  const read = (name: string): string => readFileSync(new URL(`../helpers/tls/${name}`, import.meta.url), 'utf8');
  const certificate = { cert: read('cert.pem'), key: read('key.pem'), name: 'test' };
  const tls = { minVersion: '1.3', certificates: [certificate] } as const;
  play({
    version: 'HTTP/2',
    peer,
    gateway: { tls },
    applies: ({ h2 }) => h2 === true,
    run: runRowOverHttp2,
  });
}

function play({ version, peer, gateway, applies, run }: Play): void {
  for (const setup of new Set(table.map((topic) => topic.setup ?? 'usual'))) {
    const topics = table.filter((topic) => (topic.setup ?? 'usual') === setup);
    const named = topics.flatMap(({ title, rows }) => rows.filter(applies).map((row) => ({ title, row })));
    if (named.length === 0) continue;
    describe(`${version}, ${setup} gateway, app by ${peer}`, { concurrency: sideBySide }, () => {
      let stage: Stage;
      before(async () => {
        const rows = named.map(({ row }) => row);
        stage = await openStage(rows, setups[setup], peer, gateway);
      });
      after(() => stage.close());
      named.forEach(({ title, row }, i) => {
        test(`${title}: ${row.name}`, async () => {
          const staged = stage.rows[i];
          if (staged !== undefined) await run(staged, stage.port);
        });
      });
    });
  }
}
