/**
 * What a setting takes, in words. Settings are text in an environment, and their schemas parse it: so a schema is
 * asked with samples, and what it accepts says what it is.
 */
export function describeSetting(schema, description) {
  const takes = (text) => schema.safeParse(text).success;
  const inner = innermost(schema);
  if (inner.def.type === 'enum') return Object.values(inner.def.entries).join(', ');
  if (takes('10m') && !takes('banana')) return 'a time: `250ms`, `10s`, `5m`, `24h`, `30d`';
  if (takes('16MiB') && !takes('banana')) return 'a size: `4096`, `512KiB`, `16MiB`, `20GB`';
  if (takes('true') && takes('off') && !takes('perhaps')) return '`on` or `off`';
  if (takes('banana')) return 'text';
  if (['0', '1', '3', '100', '5000', '1048576', '604800000'].some(takes)) return numberText(description);
  return ADDRESSES.some(takes) ? 'an address' : 'text, as the meaning says';
}

const ADDRESSES = ['http://127.0.0.1:80', 'nats://127.0.0.1:4222', 'postgres://user@127.0.0.1/name'];

function numberText(description) {
  const unit = unitOf(description);
  return unit ? `a number of ${unit}` : 'a number';
}

/** What it is counted in is said as "in milliseconds"; what it is about may be bytes all the same. */
function unitOf(description) {
  const [, said] = /\bin (milliseconds|bytes|seconds)\b/.exec(description) ?? [];
  return said ?? /milliseconds|bytes|seconds/.exec(description)?.[0];
}

function innermost(schema) {
  const { def } = schema._zod;
  return 'innerType' in def ? innermost(def.innerType) : { def };
}

const UNITS = {
  milliseconds: [
    ['d', 24 * 3_600_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ],
  bytes: [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ],
};

/** `600000` milliseconds as `10 min`; undefined where it is no round number of a larger unit. */
export function plainAmount(value, description) {
  const amount = Number(value);
  const units = /bytes per/.test(description) ? undefined : UNITS[unitOf(description)];
  const [name, size] = units?.find(([, each]) => amount >= each && amount % each === 0) ?? [];
  return name && `${amount / size} ${name}`;
}
