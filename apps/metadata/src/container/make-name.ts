const ADJECTIVES =
  'able agile amber ample apt avid azure bold brave brisk bright calm candid clear clever cosy crisp deft eager early easy fair fast fine firm fleet fond fresh gentle glad golden grand great green happy hardy honest humble jolly keen kind large light lively loyal lucid lucky merry mild modest neat nimble noble open patient placid plain polite prime proud quick quiet rapid ready rosy round royal sharp silent silver sincere sleek smart smooth snug sober soft solid sound spry stable steady still sturdy sunny sure swift tidy trim true vivid warm wide wise witty young zesty'.split(
    ' ',
  );
const NOUNS =
  'acorn anchor apple arch atlas badger barge beacon birch bison bridge brook cabin canal canoe castle cedar cliff cloud clover comet compass coral crane crate creek cricket daisy delta depot dune eagle elm ember falcon fern ferry finch fjord forest fox garden glacier grove gull harbor haven hawk heron hill holly ibis inlet island ivy jetty juniper kite lagoon lake lantern larch lark lemon lily linnet lotus lynx maple marsh meadow mill moss oak oasis ocean orchard otter owl palm pebble pier pine plover pond poplar prairie quay quarry raven reef ridge river robin rose rowan sail sparrow spring spruce stork stream summit swan thistle tide timber trail tulip valley violet wharf willow wren yarrow'.split(
    ' ',
  );

/** `adjective_noun`, of some ten thousand; from the third try on with a number behind it. `random` gives 0 to 1. */
export function makeName(random: () => number, tries: number): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  const name = `${pick(ADJECTIVES)}_${pick(NOUNS)}`;
  return tries < 2 ? name : `${name}${Math.floor(random() * 10 ** Math.min(9, tries))}`;
}
