import {buildImage, currentImages, type ImageRecipe} from './image.ts'
import {withLock} from './lock.ts'

/**
 * Builds an image when the engine has none that is just as its recipe would make it.
 * @param report gets one line when it is built
 * @returns the image's name
 * @throws PluginError ENGINE_FAILED when the engine refuses
 */
export async function ensureImage(
  recipe: ImageRecipe,
  report: (line: string) => void = () => undefined,
): Promise<string> {
  if (await isCurrent(recipe)) return recipe.image
  await withLock('images', async () => {
    // Another process may have built it while this one waited for the lock.
    if (await isCurrent(recipe)) return
    report(`images: building ${recipe.image}`)
    await buildImage(recipe)
  })
  return recipe.image
}

async function isCurrent(recipe: ImageRecipe): Promise<boolean> {
  return (await currentImages([recipe])).has(recipe.image)
}
