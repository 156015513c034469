"""Model families: the only room that imports torch, diffusers, transformers."""
