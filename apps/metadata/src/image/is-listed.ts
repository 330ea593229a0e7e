/**
 * SQL for whether a list of images shows `own`, a row of `repository_manifest` beside its `pulled_at`. Untagged, an image
 * is left out where it is part of another one (a child of an index, a referrer), or where somebody asked for it to go and
 * nobody has pulled it since. `none` says that there are no such rows.
 */
export const isListed = (tagged: string, none: (rows: string) => string) => `(
  ${tagged}
  OR (
    (own.removed_at IS NULL OR pulled_at > own.removed_at)
    AND ${none('FROM manifest WHERE manifest.digest = own.digest AND manifest.subject IS NOT NULL')}
    AND ${none(`FROM manifest_child AS child JOIN repository_manifest AS parent
      ON parent.repository_id = own.repository_id AND parent.digest = child.parent WHERE child.held = own.digest`)}
  )
)`;

/** Asked image by image, from an index: for a page of them. */
export const noneByRow = (rows: string) => `(SELECT true ${rows} LIMIT 1) IS NULL`;

/** Asked of all of them at once. */
export const noneAtOnce = (rows: string) => `NOT EXISTS (SELECT ${rows})`;
