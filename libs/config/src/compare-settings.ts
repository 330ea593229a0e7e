type Numbers<Name extends string> = Readonly<Record<Name, number>>;

/** For `schema.refine(...)`: one setting is less than another, and a start where it is not names both. */
export function lessThan<Lesser extends string, Greater extends string>(lesser: Lesser, greater: Greater) {
  return rule(lesser, greater, (one, other) => one < other, `less than ${greater}`);
}

/** As `lessThan`, where both may be equal. */
export function atMost<Lesser extends string, Greater extends string>(lesser: Lesser, greater: Greater) {
  return rule(lesser, greater, (one, other) => one <= other, `at most ${greater}`);
}

/** A lease is renewed in time although one renewal fails. */
export function renewsInTime<Renewal extends string, Lease extends string>(renewal: Renewal, lease: Lease) {
  return rule(renewal, lease, (one, other) => one * 2 < other, `less than half of ${lease}`);
}

function rule<One extends string, Other extends string>(
  one: One,
  other: Other,
  isRight: (one: number, other: number) => boolean,
  wanted: string,
) {
  return [
    (settings: Numbers<One | Other>) => isRight(settings[one], settings[other]),
    {
      path: [one] as string[],
      error: ({ input }: { input?: unknown }) => {
        const { [one]: is, [other]: bound } = input as Numbers<One | Other>;
        return `must be ${wanted} (${bound}), and is ${is}`;
      },
    },
  ] as const;
}
