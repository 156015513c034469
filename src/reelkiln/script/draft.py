"""A new template, begun from the words of a clip that came out well."""

import yaml

__all__ = ["draft_template"]


def draft_template(name: str, prompt: str, *, seconds: float, aspect: str) -> str:
    """The YAML text of a template with one variant that says what the clip's prompt said.

    Braces in the prompt become doubled, so that the first check of the file passes; putting slots
    in the place of words is the writer's next step, and the comments say how.
    """
    plain = " ".join(prompt.replace("{", "{{").replace("}", "}}").split())
    body = {
        "template": name,
        "title": name.replace("-", " ").capitalize(),
        "seconds": seconds,
        "aspect": aspect,
        "shows_person": False,
        "shows_effect": False,
        "variants": [
            {
                "name": "first",
                "paragraph": plain,
                "tags": [part.strip()[:200] for part in plain.split(",") if part.strip()][:40],
                "scene": {"motion": "slowly rotating", "background": "white"},
            }
        ],
    }
    head = (
        "# Begun from a finished clip. Put slots in the place of words that change:\n"
        "#   {product.kind}, {product.colour}, {product.ingredient}, or your own under `slots:`.\n"
        "# Then: reelkiln templates check\n"
    )
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=96)
