// Owns the way from the table to tests: for each gateway that rows need one stage, and on it every row, side by side.
import { after, before, describe, test } from 'node:test';
import { openStage, type AppPeer, type Stage } from './harness/stage.ts';
import { runRow } from './harness/run-row.ts';
import { setups } from './setups.ts';
import { table } from './table.ts';

/** Each row waits for sockets most of the time. */
const sideBySide = 24;

export function playTable(peer: AppPeer): void {
  for (const setup of new Set(table.map((topic) => topic.setup ?? 'usual'))) {
    const topics = table.filter((topic) => (topic.setup ?? 'usual') === setup);
    const named = topics.flatMap(({ title, rows }) => rows.map((row) => ({ title, row })));
    describe(`HTTP/1.1, ${setup} gateway, app by ${peer}`, { concurrency: sideBySide }, () => {
      let stage: Stage;
      before(async () => {
        const rows = named.map(({ row }) => row);
        stage = await openStage(rows, { peer, policy: setups[setup] });
      });
      after(() => stage.close());
      named.forEach(({ title, row }, i) => {
        test(`${title}: ${row.name}`, async () => {
          const staged = stage.rows[i];
          if (staged !== undefined) await runRow(staged, stage.port);
        });
      });
    });
  }
}
