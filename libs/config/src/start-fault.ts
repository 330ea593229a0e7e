/** A start that cannot go on, said to a person: the message is the whole text, and no stack is shown for it. */
export class StartFault extends Error {
  override name = 'StartFault';
}
