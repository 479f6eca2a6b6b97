"""What a patient says yes to when rows about them may be used for research, word for word.

Apart from `consent.py`: a yes to the own pages is no yes to this, and no answer is a no. A version
is never changed: new words are a new version. What is said of the file must be what
`apps/research/archive.py` puts into it. No source names these words [proposal: an ethics board,
and a person who works in Spanish, must look at them].
"""

import hashlib
from collections.abc import Mapping
from typing import Final

VERSION: Final = "2026-11-23"

TEXTS: Final[Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]]] = {
    "2026-11-23": {
        "en": (
            (
                "What this is about",
                "Some people study how to come off these medicines in a safe way. Some teach it, "
                "or check how well a clinic does it. They can learn from how it went for you. We "
                "ask if they may.",
            ),
            (
                "What they would get",
                "Your age group and your sex. Your medicine, why you take it, and your doses. "
                "The day of your last dose. Your scores, how urgent they were, and how high we "
                "think your risk is. We move all your days, so that no day is a true one.",
            ),
            (
                "What they never get",
                "Not your name, your mail or your phone. Not your words. Not the name of the "
                "clinic.",
            ),
            (
                "What could go wrong",
                "A person who has your record could still find out which lines are yours. So "
                "those who get the file must first sign that they will not look for anyone.",
            ),
            (
                "You are free to say no",
                "As long as you do not say yes, it is a no. You get the same care. You can take "
                "a yes back at any time, here or by phone.",
            ),
            (
                "If you take it back",
                "From then on you are in no new file. We can not call back a file that has left. "
                "No one can tell which lines in it are yours.",
            ),
        ),
        "es": (
            (
                "De qué se trata",
                "Hay personas que estudian cómo dejar estas medicinas sin peligro. Otras lo "
                "enseñan, o miran si una clínica lo hace bien. Pueden aprender de cómo le fue a "
                "usted. Le preguntamos si pueden.",
            ),
            (
                "Qué recibirían",
                "Su grupo de edad y su sexo. Su medicina, por qué la toma y sus dosis. El día de "
                "su última dosis. Sus puntos, si algo era urgente y qué riesgo vemos en usted. "
                "Movemos todos sus días, y así ningún día es el verdadero.",
            ),
            (
                "Qué no reciben nunca",
                "Ni su nombre, ni su correo, ni su teléfono. Ni sus palabras. Ni el nombre de la "
                "clínica.",
            ),
            (
                "Qué puede salir mal",
                "Quien tiene sus datos de la clínica podría saber qué líneas son las suyas. Por "
                "eso, quien recibe el archivo firma antes que no va a buscar a nadie.",
            ),
            (
                "Usted decide",
                "Mientras no diga que sí, es un no. Le atendemos igual. Puede retirar su sí "
                "cuando quiera, aquí o por teléfono.",
            ),
            (
                "Si lo retira",
                "Desde ese momento no está en ningún archivo nuevo. Un archivo que ya salió no "
                "se puede traer de vuelta. Nadie sabe qué líneas son las suyas.",
            ),
        ),
    },
}


# Under the words on the paper: the sentence, and what is written by hand.
LINE: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("I have read this, and I say yes.", "Day, name and signature"),
    "es": ("Lo he leído y digo que sí.", "Día, nombre y firma"),
}


def research_text(language: str, *, version: str = VERSION) -> tuple[tuple[str, str], ...]:
    """Return heading and words of each part."""
    texts = TEXTS[version]
    return texts[language if language in texts else "en"]


def research_hash(language: str, *, version: str = VERSION) -> str:
    """Return what proves which words were shown."""
    parts = research_text(language, version=version)
    return hashlib.sha256("\n".join(f"{h}\n{w}" for h, w in parts).encode()).hexdigest()
