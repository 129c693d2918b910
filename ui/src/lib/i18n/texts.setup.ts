// Unit tests see all texts, as parts that are fetched later do.
import { withTexts } from './index.svelte'

await withTexts(Promise.resolve())
