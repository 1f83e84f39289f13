// Compares the response reader with llhttp on random responses with fresh seeds, and prints every
// difference that no rule explains.
// Run: node test/fuzz/fuzz-responses.ts [cases, 10000000] [seed]
import process from 'node:process';
import { fuzzResponses, maxFaults, type FuzzReport } from './response-run.ts';

const cases = Number(process.argv[2] ?? 10_000_000);
const seed = process.argv[3] ?? new Date().toISOString();
const batch = 100_000;
const progressEvery = 500_000;

const report: FuzzReport = { counts: new Map(), faults: [] };
let done = 0;
for (let i = 0; done < cases && report.faults.length < maxFaults; i += 1) {
  const size = Math.min(batch, cases - done);
  const before = report.faults.length;
  fuzzResponses(`${seed} ${i}`, size, report);
  for (const fault of report.faults.slice(before)) console.log(`FAULT ${fault}`);
  done += size;
  if (done % progressEvery === 0) console.log(`${done} responses, ${report.faults.length} faults`);
}
console.log(`${done} responses, seed "${seed}"`);
for (const [name, count] of [...report.counts].sort((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(10)} ${name}`);
process.exitCode = report.faults.length > 0 ? 1 : 0;
