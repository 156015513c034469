"""The bundled model `spark`: its world, its captions, its training, its judge, its evaluation."""
