import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { commandPath } from '../command-tree.ts';
import { createProgram } from '../program.ts';
import { bashScript } from './bash-script.ts';
import { completionModel, listedValues } from './completion-model.ts';
import { fishScript } from './fish-script.ts';
import { zshScript } from './zsh-script.ts';

function program(): Command {
  return createProgram({
    terminal: {
      ...{
        isWatched: false,
        result: () => undefined,
        note: () => undefined,
        style: (_: unknown, text: string) => text,
      },
      queued: () => assert.fail('the model runs no command'),
    },
    signal: new AbortController().signal,
    stopWithin: () => undefined,
    environment: () => {
      throw new Error('the model depends on no environment');
    },
  });
}

const model = completionModel(program());

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

test('every value with a list of candidates belongs to an option or argument that exists', () => {
  const places = allCommands(program()).flatMap((command) => {
    const path = commandPath(command).slice(1).join(' ');
    return [
      ...command.options.map(({ long }) => `${path} ${long ?? ''}`),
      ...command.registeredArguments.map((argument) => `${path} ${argument.name()}`),
    ];
  });
  for (const place of Object.keys(listedValues)) assert.ok(places.includes(place), place);
});

test('the program itself has the options of its default command, and no hidden command', () => {
  const [root] = model;
  const flags = root?.options.flatMap(({ flags: all }) => all) ?? [];
  for (const flag of ['-v', '--version', '-c', '--config', '--port', '--relay']) assert.ok(flags.includes(flag), flag);
  assert.equal(flags.filter((flag) => flag === '--help').length, 1);
  assert.equal(
    root?.commands.some(({ name }) => name === 'complete'),
    false,
  );
});

for (const [shell, script] of Object.entries({ bash: bashScript, zsh: zshScript, fish: fishScript })) {
  test(`the script of ${shell} has every command and every option`, () => {
    const text = script(model);
    for (const { path, commands, options } of model) {
      for (const { name } of commands) assert.ok(text.includes(`${path}/${name}`), `${path} ${name}`);
      for (const { flags } of options)
        for (const flag of flags) assert.match(text, new RegExp(`${flag.replace(/^--?/, '')}\\b`), `${path} ${flag}`);
    }
  });
}
