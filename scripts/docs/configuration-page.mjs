import { describeSetting, plainAmount } from './describe-setting.mjs';
import { code, GENERATED, page, table } from './markdown.mjs';

const TITLES = {
  standalone: 'The standalone program: `npm start`',
  service: 'Every service as a process of its own',
};

/** `configuration.md`: every setting of every app. */
export function configurationPage({ schemas: unordered, describeConfig }) {
  const schemas = [...unordered].sort((one, other) => placeOf(one) - placeOf(other));
  const users = usersOf(schemas);
  return page(
    GENERATED,
    '# Settings',
    [
      'Settings are environment variables. A program reads its own at its start, reports every fault at once by name, and does not start with one.',
      'An empty variable counts as not set. The standalone program also refuses a variable that begins with `ENTREPOT_` and is no setting: a misspelt one would silently not count.',
    ].join('\n'),
    'In the standalone program all of these apply together; only those of the last section do not. As processes of their own, each service reads its own section and the last one.',
    schemas.flatMap(({ name, schema }) => [
      `## ${TITLES[name] ?? name}`,
      table(
        ['Setting', 'Default', 'What it takes', 'Meaning'],
        describeConfig(schema).map((row) => [
          code(row.name),
          defaultText(row),
          describeSetting(schema.shape[row.name], row.description),
          meaning(row, users.get(row.name), name),
        ]),
      ),
    ]),
  );
}

/** What most people run comes first, what few need comes last. */
const placeOf = ({ name }) => ['standalone', undefined, 'service'].indexOf(name in TITLES ? name : undefined);

function usersOf(schemas) {
  const users = new Map();
  for (const { name, schema } of schemas) {
    for (const setting of Object.keys(schema.shape)) users.set(setting, [...(users.get(setting) ?? []), name]);
  }
  return users;
}

function defaultText({ default: value, required, description }) {
  if (required) return 'must be set';
  if (value === undefined || value === '') return 'none';
  const amount = plainAmount(value, description);
  return amount ? `${code(value)} (${amount})` : code(value);
}

function meaning({ description }, users, name) {
  const others = users.filter((user) => user !== name);
  const also = others.length === 0 ? '' : ` (Read by ${others.join(', ')} too.)`;
  return `${description.charAt(0).toUpperCase()}${description.slice(1).replace(/\.$/, '')}.${also}`;
}
