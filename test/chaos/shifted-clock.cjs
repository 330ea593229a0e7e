// Loaded before a service (`node --require`): its clock is wrong by so many milliseconds.
const BY_MS = Number(process.env.CHAOS_CLOCK_MS);
const Right = Date;

class Shifted extends Right {
  constructor(...parts) {
    super(...(parts.length === 0 ? [Right.now() + BY_MS] : parts));
  }

  static now() {
    return Right.now() + BY_MS;
  }
}

globalThis.Date = Shifted;
