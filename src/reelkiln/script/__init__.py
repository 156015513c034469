"""Words to shots: brand, products, templates, storyboards, batches and prompt dialects."""
