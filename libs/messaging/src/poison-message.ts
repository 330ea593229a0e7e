/** A message that no repetition makes readable: it goes to the dead letters with this reason, which a person reads. */
export class PoisonMessage extends Error {
  override readonly name = 'PoisonMessage';
}
