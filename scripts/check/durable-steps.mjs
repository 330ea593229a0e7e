// A durable step is a commit, an fsync, a rename, a storage call, a publish or an ack. Each goes through
// `durable(step, run)` of libs/config, or through a function that takes the step's name as its parameter `step` and
// hands it on; so a failpoint stands before and after every one. What does such a thing in a function of its own is
// in a step when every call of that function is. `node scripts/check/durable-steps.mjs` lists the steps.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { durableThing } from './durable-thing.mjs';
import { sourceFiles } from './source-files.mjs';

const NAME = /^(metadata|blobs|fetcher|gateway|gc|standalone|messaging)\.[a-z0-9]+(-[a-z0-9]+)+$/;

/** What may stand outside a step, and why. */
const APART = [
  { path: 'libs/testing/', why: 'is no part of the program' },
  { path: 'libs/children/', why: 'makes each file aside and renames it before any service runs' },
  { path: 'apps/metadata/src/backup/', why: 'is a command, which makes its file aside or its rows in one transaction' },
  { path: 'apps/blobs/src/driver/folder-lock.ts', why: 'a lock says who lives: it is worth nothing after a kill' },
];

const lineOf = (node) => node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;
const calledName = (call) =>
  ts.isPropertyAccessExpression(call.expression) ? call.expression.name.text : call.expression.getText();
const nameOfFunction = (node) =>
  node.name?.getText() ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : undefined);
const takesStep = (node) => node.parameters.some((each) => each.name.getText() === 'step');
const hides = (node) =>
  ts.getModifiers(node)?.some((each) => each.kind === ts.SyntaxKind.PrivateKeyword) ||
  (!ts.isMethodDeclaration(node) && !ts.getModifiers(node)?.some((each) => each.kind === ts.SyntaxKind.ExportKeyword));

/** Reads one file: its functions, its calls, its steps and the durable things it does, each with what is around it. */
class FileReading {
  functions = [];
  calls = [];
  steps = [];
  things = [];
  faults = [];

  constructor(root, file) {
    this.file = file;
    this.source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.ES2023, true);
  }

  wrappers() {
    const found = [];
    const look = (node) => {
      if (ts.isFunctionLike(node) && takesStep(node) && nameOfFunction(node)) found.push(nameOfFunction(node));
      ts.forEachChild(node, look);
    };
    look(this.source);
    return found;
  }

  read(wrappers) {
    this.visit(this.source, { wrappers, inStep: false, around: [] });
    return this;
  }

  visit(node, place) {
    let here = place;
    if (ts.isFunctionLike(node) && nameOfFunction(node)) {
      const fn = { name: nameOfFunction(node), file: this.file, local: hides(node), passesStep: takesStep(node) };
      this.functions.push(fn);
      here = { ...place, around: [...place.around, fn] };
    }
    if (ts.isCallExpression(node)) here = this.visitCall(node, here);
    ts.forEachChild(node, (child) => this.visit(child, here));
  }

  visitCall(call, place) {
    const isStep = place.wrappers.has(calledName(call)) && this.takeStep(call, place);
    const thing = isStep ? undefined : durableThing(call, calledName(call), this.file);
    const seen = { file: this.file, line: lineOf(call), ...place };
    if (thing) this.things.push({ ...seen, thing, text: call.getText().split('\n')[0].slice(0, 90) });
    this.calls.push({ ...seen, name: calledName(call), own: call.expression.getText().startsWith('this.') });
    if (!isStep) return place;
    for (const each of call.arguments)
      this.calls.push({ ...seen, inStep: true, name: each.name?.text ?? each.getText() });
    return { ...place, inStep: true };
  }

  takeStep(call, place) {
    const first = call.arguments[0];
    if (first && ts.isStringLiteralLike(first)) {
      this.steps.push({ step: first.text, file: this.file, line: lineOf(call) });
      return true;
    }
    if (first?.getText() === 'step' && place.around.some((fn) => fn.passesStep)) return true;
    if (calledName(call) === 'durable') {
      this.faults.push(`${this.file}:${lineOf(call)}: the name of a step is a literal, so that it can be listed`);
    }
    return false;
  }
}

function groupByName(calls) {
  const byName = new Map();
  for (const call of calls) {
    if (!byName.has(call.name)) byName.set(call.name, []);
    byName.get(call.name).push(call);
  }
  return byName;
}

/** Functions that are only ever called inside steps. */
function functionsInSteps(readings) {
  const calls = groupByName(readings.flatMap((reading) => reading.calls));
  const functions = readings.flatMap((reading) => reading.functions);
  const covered = new Set();
  const isIn = (call) => call.inStep || call.around.some((fn) => covered.has(fn));
  for (let before = -1; before !== covered.size; ) {
    before = covered.size;
    for (const fn of functions) {
      const named = calls.get(fn.name) ?? [];
      const own = named.filter((call) => call.file === fn.file || !(fn.local || call.own));
      if (own.length > 0 && own.every(isIn)) covered.add(fn);
    }
  }
  return covered;
}

function faultsOfNames(steps) {
  const first = new Map();
  return steps.flatMap(({ step, file, line }) => {
    const at = `${file}:${line}`;
    if (!NAME.test(step)) return [`${at}: "${step}" is not <app>.<verb>-<noun>`];
    if (first.has(step)) return [`${at}: the step "${step}" is already at ${first.get(step)}`];
    first.set(step, at);
    return [];
  });
}

/** Every durable step in the sources as `{step, file, line}`, and what breaks the rule. */
export function readDurableSteps(root) {
  const files = sourceFiles(root, ['apps', 'libs']).filter(
    (file) => /(?<!\.(spec|suite|testing))\.ts$/.test(file) && !APART.some(({ path }) => file.startsWith(path)),
  );
  const readings = files.map((file) => new FileReading(root, file));
  const wrappers = new Set(['durable', ...readings.flatMap((reading) => reading.wrappers())]);
  for (const reading of readings) reading.read(wrappers);
  const covered = functionsInSteps(readings);
  const steps = readings.flatMap((reading) => reading.steps);
  const outside = readings
    .flatMap((reading) => reading.things)
    .filter(({ inStep, around }) => !inStep && !around.some((fn) => covered.has(fn)))
    .map(({ file, line, thing, text }) => `${file}:${line}: ${thing} outside a durable step: ${text}`);
  return { steps, faults: [...readings.flatMap((reading) => reading.faults), ...outside, ...faultsOfNames(steps)] };
}

export async function checkDurableSteps(root) {
  return readDurableSteps(root).faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  console.log(JSON.stringify(readDurableSteps(root).steps, null, 1));
}
