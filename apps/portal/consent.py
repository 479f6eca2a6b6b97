"""What a patient agrees to, word for word, in each language and version.

A version is never changed: new words are a new version. The words of triage.md section 1
on cover ("if a clinic has no 24/7 cover this must be said at enrolment") are part of it.
Spanish is our translation [proposal: needs a person who works in Spanish].
"""

import hashlib
from collections.abc import Mapping
from typing import Final

VERSION: Final = "2026-11-23"

TEXTS: Final[Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]]] = {
    "2026-11": {
        "en": (
            (
                "What these pages do",
                "They show your dose for today and what comes next. You can check in, see how "
                "you have been, and ask us to call you.",
            ),
            (
                "What we keep",
                "We keep what you tell us here, what you take, and who looked at it. We keep it "
                "as part of your care.",
            ),
            (
                "Who can see it",
                "Your care team at the clinic can see it. A person you choose may see your dose "
                "for today, but only if you say so.",
            ),
            (
                "When there is danger",
                "If an answer shows danger, we send a mail to a person at the clinic. It may "
                "take time until they call. At night there may be no one. Do not wait for us: "
                "in danger, call {emergency}.",
            ),
            (
                "Our mails",
                "We send you mails with a link or a code. They never say what you take or how "
                "you feel.",
            ),
            (
                "You are free to say no",
                "You can say yes or no. You can change your mind at any time, here or by phone. "
                "You get the same care if you say no.",
            ),
        ),
        "es": (
            (
                "Para qué sirven estas páginas",
                "Muestran su dosis de hoy y lo que viene después. Puede enviar su control, ver "
                "cómo ha estado y pedir que le llamemos.",
            ),
            (
                "Qué guardamos",
                "Guardamos lo que usted nos cuenta aquí, lo que toma y quién lo ha mirado. Lo "
                "guardamos como parte de su atención.",
            ),
            (
                "Quién puede verlo",
                "Lo puede ver su equipo de salud en la clínica. Una persona que usted elija puede "
                "ver su dosis de hoy, pero solo si usted quiere.",
            ),
            (
                "Cuando hay peligro",
                "Si una respuesta muestra peligro, enviamos un correo a una persona de la "
                "clínica. Puede tardar en llamarle. De noche puede no haber nadie. No nos espere: "
                "si hay peligro, llame al {emergency}.",
            ),
            (
                "Nuestros correos",
                "Le enviamos correos con un enlace o un código. Nunca dicen qué toma ni cómo se "
                "siente.",
            ),
            (
                "Usted decide",
                "Puede decir que sí o que no. Puede cambiar de idea cuando quiera, aquí o por "
                "teléfono. Le atendemos igual si dice que no.",
            ),
        ),
    },
    "2026-11-23": {
        "en": (
            (
                "What these pages do",
                "They show your dose for today and what comes next. You can check in, see how "
                "you have been, and ask us to call you.",
            ),
            (
                "What we keep",
                "We keep what you tell us here, what you take, and who looked at it. We keep it "
                "as part of your care.",
            ),
            (
                "Who can see it",
                "Your care team at the clinic can see it. A person you choose may see your dose "
                "for today, but only if you say so.",
            ),
            (
                "Not for emergencies",
                "These pages are not for emergencies. If you or someone else is in danger, call "
                "{emergency} first. Do not wait for us. If an answer shows danger, we send a "
                "mail to a person at the clinic. It may take time until they call. At night "
                "there may be no one.",
            ),
            (
                "Our mails",
                "We send you mails with a link or a code. They never say what you take or how "
                "you feel.",
            ),
            (
                "You are free to say no",
                "You can say yes or no. You can change your mind at any time, here or by phone. "
                "You get the same care if you say no.",
            ),
        ),
        "es": (
            (
                "Para qué sirven estas páginas",
                "Muestran su dosis de hoy y lo que viene después. Puede enviar su control, ver "
                "cómo ha estado y pedir que le llamemos.",
            ),
            (
                "Qué guardamos",
                "Guardamos lo que usted nos cuenta aquí, lo que toma y quién lo ha mirado. Lo "
                "guardamos como parte de su atención.",
            ),
            (
                "Quién puede verlo",
                "Lo puede ver su equipo de salud en la clínica. Una persona que usted elija puede "
                "ver su dosis de hoy, pero solo si usted quiere.",
            ),
            (
                "No son para emergencias",
                "Estas páginas no son para emergencias. Si usted u otra persona está en peligro, "
                "llame primero al {emergency}. No nos espere. Si una respuesta muestra peligro, "
                "enviamos un correo a una persona de la clínica. Puede tardar en llamarle. De "
                "noche puede no haber nadie.",
            ),
            (
                "Nuestros correos",
                "Le enviamos correos con un enlace o un código. Nunca dicen qué toma ni cómo se "
                "siente.",
            ),
            (
                "Usted decide",
                "Puede decir que sí o que no. Puede cambiar de idea cuando quiera, aquí o por "
                "teléfono. Le atendemos igual si dice que no.",
            ),
        ),
    },
}


def consent_text(language: str, *, emergency: str, version: str = VERSION) -> list[tuple[str, str]]:
    """Return heading and words of each part, with the clinic's emergency number."""
    parts = TEXTS[version][language if language in TEXTS[version] else "en"]
    return [(heading, words.format(emergency=emergency)) for heading, words in parts]


def text_hash(language: str, *, emergency: str, version: str = VERSION) -> str:
    """Return what proves which words were shown."""
    parts = consent_text(language, emergency=emergency, version=version)
    return hashlib.sha256("\n".join(f"{h}\n{w}" for h, w in parts).encode()).hexdigest()
