// The program of a bcrypt thread: verifies one key at a time and replies with the result.
import { parentPort } from 'node:worker_threads';
import { bcryptCompare } from './bcrypt.ts';
import type { Comparison } from './bcrypt-threads.ts';

parentPort?.on('message', ({ key, hash }: Comparison) => {
  void bcryptCompare(key, hash).then((isSame) => {
    parentPort?.postMessage(isSame);
  });
});
