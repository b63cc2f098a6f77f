"""The errors of this service, each beside its Portuguese text (contract, chapters 2 and 7)."""

from common.errors import AlreadyExists, BadRequest, Conflict, InvalidToken, NotFound


class PrinterGone(NotFound):
    """There is no such printer."""

    message = "Printer not found."
    message_pt = "Impressora não encontrada."


class QueueItemGone(NotFound):
    """There is no such queue item."""

    message = "Print queue item not found."
    message_pt = "Item da fila de impressão não encontrado."


class JobGone(NotFound):
    """There is no such print, or it is another printer's."""

    message = "Print status not found."
    message_pt = "Status de impressão não encontrado."


class CommandGone(NotFound):
    """There is no such command."""

    message = "Command not found."
    message_pt = "Comando não encontrado."


class WrongKey(InvalidToken):
    """The key is not this printer's, or there is no such printer."""

    message = "The printer's id or key is wrong."
    message_pt = "Autenticação inválida."


class KeyMissing(BadRequest):
    """No key was sent."""

    message = "The request needs api_key."
    message_pt = "Parâmetros ausentes ou inválidos: api_key."

    def __init__(self) -> None:
        super().__init__(
            fields={"api_key": ["This field is required."]},
            fields_pt={"api_key": ["Este campo é obrigatório."]},
        )


class PrinterExists(AlreadyExists):
    """The id is in use."""

    message = "A printer with this id exists already."
    message_pt = "Já existe uma impressora com este identificador."


class HasJob(Conflict):
    """The queue item has been started already."""

    message = "This queue item has a print status already."
    message_pt = "Já existe um status de impressão para este item da fila."


class OtherPrinter(Conflict):
    """The queue item is meant for another printer."""

    message = "This queue item is assigned to another printer."
    message_pt = "Este item da fila está atribuído a outra impressora."


class JobEnded(Conflict):
    """The print has come to its end."""

    message = "This print has ended; its status does not change any more."
    message_pt = "Esta impressão já terminou; o status não pode mais ser alterado."


class Busy(Conflict):
    """A print is under way."""

    message = "A print is under way."
    message_pt = "Há uma impressão em andamento."


class NoCommands(Conflict):
    """This printer's driver cannot be told what to do."""

    message = "This printer takes no commands through its driver."
    message_pt = "Esta impressora não aceita comandos pelo driver configurado."


class NotNow(Conflict):
    """The printer's state does not admit the command."""

    message = "The printer's present state does not admit this command."
    message_pt = "O estado atual da impressora não permite este comando."


class Unreachable(Conflict):
    """The bridge has no link to the printer."""

    message = "The printer cannot be reached right now."
    message_pt = "A impressora não pode ser alcançada no momento."


class FutureTime(BadRequest):
    """The update speaks of a time that has not come."""

    message = "The timestamp lies in the future."
    message_pt = "O campo timestamp está no futuro."

    def __init__(self) -> None:
        super().__init__(
            fields={"timestamp": ["Must not lie in the future."]},
            fields_pt={"timestamp": ["Não pode estar no futuro."]},
        )


class UrlMissing(BadRequest):
    """The driver needs an address."""

    message = "This driver needs a url."
    message_pt = "Parâmetros ausentes ou inválidos: url."

    def __init__(self) -> None:
        super().__init__(
            fields={"url": ["This driver needs a url."]},
            fields_pt={"url": ["Este driver precisa do campo url."]},
        )
