// The worker's side of job-thread.ts: runs one job after another and replies with the result. A job
// that throws ends the thread.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Assembly, type Piece, piecesOf } from './pieces.ts';

export interface JobThreadData {
  /** The main thread reads the messages of a result from this port, in slices. */
  readonly results: MessagePort;
}

/** `work` receives and returns plain data. */
export function serveJobs(work: (job: unknown) => Promise<unknown>): void {
  const { results } = workerData as JobThreadData;
  let job = new Assembly();
  parentPort?.on('message', (piece: Piece) => {
    job.add(piece);
    if (!job.isWhole) return;
    const { value } = job;
    job = new Assembly();
    void work(value).then((result) => {
      for (const message of piecesOf(result)) results.postMessage(message);
      parentPort?.postMessage('done');
    });
  });
}
