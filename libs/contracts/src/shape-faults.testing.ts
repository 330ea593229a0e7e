/** A JSON Schema, as far as zod makes one of what crosses a process. */
export interface Shape {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Shape;
  readonly items?: Shape;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

/** Why `reader` would refuse some of what `writer` may say; empty where it takes all of it. */
export function shapeFaults(writer: Shape, reader: Shape, at: string): string[] {
  if (Object.keys(reader).length === 0) return [];
  const said = optionsOf(writer);
  if (said.length > 1) return said.flatMap((option) => shapeFaults(option, reader, at));
  const taken = optionsOf(reader);
  if (taken.length > 1) {
    const faults = taken.map((option) => shapeFaults(said[0]!, option, at));
    return faults.some((each) => each.length === 0) ? [] : [`${at} may be what is not taken`];
  }
  return plainFaults(said[0]!, taken[0]!, at);
}

function optionsOf({ anyOf, oneOf, ...rest }: Shape): readonly Shape[] {
  const options = anyOf ?? oneOf;
  if (options) return options.flatMap(optionsOf);
  if (Array.isArray(rest.type)) return rest.type.map((type: string) => ({ ...rest, type }));
  return [rest];
}

const valuesOf = (shape: Shape) => ('const' in shape ? [shape.const] : shape.enum);

function plainFaults(writer: Shape, reader: Shape, at: string): string[] {
  const taken = valuesOf(reader);
  if (taken) {
    const strange = valuesOf(writer)?.filter((value) => !taken.includes(value)) ?? ['anything'];
    return strange.map((value) => `${at} may be ${JSON.stringify(value)}`);
  }
  if (reader.type && writer.type !== reader.type && !(writer.type === 'integer' && reader.type === 'number')) {
    return [`${at} is ${String(writer.type)}, and ${String(reader.type)} is taken`];
  }
  return [
    ...lengthFaults(writer, reader, at),
    ...objectFaults(writer, reader, at),
    ...insideFaults(writer, reader, at),
  ];
}

function lengthFaults(writer: Shape, reader: Shape, at: string): string[] {
  const grows = (['maxItems', 'maxLength'] as const).filter((limit) => {
    return reader[limit] !== undefined && (writer[limit] ?? Number.POSITIVE_INFINITY) > reader[limit];
  });
  return grows.map((limit) => `${at} may be longer (${limit})`);
}

function objectFaults(writer: Shape, reader: Shape, at: string): string[] {
  const missing = (reader.required ?? []).filter((name) => !writer.required?.includes(name));
  const { properties: known = {}, additionalProperties } = reader;
  const strange = Object.keys(writer.properties ?? {}).filter((name) => !(name in known));
  return [
    ...missing.map((name) => `${at}.${name} is wanted, and not always given`),
    ...(additionalProperties === false ? strange.map((name) => `${at}.${name} is not taken`) : []),
  ];
}

function insideFaults(writer: Shape, reader: Shape, at: string): string[] {
  const fields = Object.entries(writer.properties ?? {}).flatMap(([name, shape]) => {
    const taken = reader.properties?.[name];
    return taken ? shapeFaults(shape, taken, `${at}.${name}`) : [];
  });
  const [said, taken] = [writer.additionalProperties, reader.additionalProperties];
  const others = typeof said === 'object' && typeof taken === 'object' ? shapeFaults(said, taken, `${at}.*`) : [];
  const items = writer.items && reader.items ? shapeFaults(writer.items, reader.items, `${at}[]`) : [];
  return [...fields, ...others, ...items];
}
