// Writes docs/errors.md from the table of errors. With --check, writes nothing and fails when the
// page is out of date.
import { errorReference } from './error-reference.ts';
import { writeOrCheck } from './generated-files.ts';

await writeOrCheck({ 'docs/errors.md': errorReference });
