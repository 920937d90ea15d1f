// Owns what an imported sound is to the compiler: its name beside the bundle.
declare module "*.mp3" {
  const name: string;
  export default name;
}
