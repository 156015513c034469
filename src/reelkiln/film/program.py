"""Where ffmpeg is."""

from reelkiln.errors import FilmError

__all__ = ["ffmpeg_program"]


def ffmpeg_program() -> str:
    """The path of the ffmpeg that imageio-ffmpeg brings along, or that IMAGEIO_FFMPEG_EXE names.

    Raises:
        FilmError: there is none.
    """
    import imageio_ffmpeg  # noqa: PLC0415 - it looks for the program when it is read

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FilmError(
            "there is no ffmpeg for this system",
            hint="install ffmpeg and set IMAGEIO_FFMPEG_EXE to its path",
        ) from error
