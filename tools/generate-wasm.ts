// Assembles the WebAssembly cipher from tools/wasm into src/portal/secure/aead-binary.ts. With
// --check, writes nothing and fails when that file is out of date.
import wabt from 'wabt';
import { writeOrCheck } from './generated-files.ts';
import { aeadModule } from './wasm/aead.ts';

const toolkit = await wabt();

/** Gives the same bytes on every machine: wabt is itself WebAssembly, and its version is pinned. */
function assemble(): Buffer {
  const module = toolkit.parseWat('aead.wat', aeadModule(), { simd: true });
  try {
    return Buffer.from(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** Base64 in a source file works unbundled, bundled and on every platform. */
function source(): string {
  const lines =
    assemble()
      .toString('base64')
      .match(/.{1,110}/g) ?? [];
  return `// Made by "make wasm" from tools/wasm. Do not edit.

/** The WebAssembly module that seals and opens small frames, in base64. Functions and addresses: tools/wasm/aead.ts. */
export const aeadBinary: string = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
}

await writeOrCheck({ 'src/portal/secure/aead-binary.ts': source });
